"""Where `pybot` and `python -m pybot` begin."""

import signal
import sys
from types import FrameType


def main() -> None:
    """Run the command line; a Ctrl-C while it is still being imported ends it silently."""
    signal.signal(signal.SIGINT, _leave)
    from pybot.cli import main as run_command_line

    run_command_line()


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(130)


if __name__ == "__main__":
    main()
