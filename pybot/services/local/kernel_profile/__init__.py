"""What runs inside a kernel: nothing here is imported by Pybot."""
