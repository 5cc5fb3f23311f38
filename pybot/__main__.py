"""Run the command line: `python -m pybot`."""

from pybot.cli import main

if __name__ == "__main__":
    main()
