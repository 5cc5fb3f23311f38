"""What Pybot costs, beside what a bare program does with the same load: `make bench`."""
