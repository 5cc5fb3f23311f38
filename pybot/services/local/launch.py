"""Become another program that ends when the one that started it does.

Run as a script by `process.py`, with the interpreter's `-I -S` so that it starts in milliseconds:
`launch.py PARENT SIGNAL PROGRAM [ARGUMENT…]`. A `preexec_fn` would do the same between fork and
exec, where Python code can deadlock when the parent has threads.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def main() -> None:
    """Ask the kernel for SIGNAL at the parent's death, then exec PROGRAM."""
    parent, signal_number, *argv = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal_number))
    # The parent may have ended before the request: then nobody will ever send that signal.
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execv(argv[0], argv)  # noqa: S606 (no shell is what we want)


if __name__ == "__main__":
    main()
