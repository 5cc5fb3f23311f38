"""Prepares the kernels' environment once, so that kernels start fast.

`python -m pybot.services.local.kernel_setup PYTHON`, after it was installed: compiles its modules
(an installer may not, and in the sandbox nothing can) and builds Matplotlib's list of fonts.
"""

import os
import subprocess
import sys
from pathlib import Path

from pybot.services.local.kernel_python import MATPLOTLIB_FOLDER


def prepare(python: Path) -> None:
    """Prepare the environment of an interpreter. CalledProcessError when it does not work."""
    prefix = python.parent.parent
    fonts = prefix / MATPLOTLIB_FOLDER
    fonts.mkdir(parents=True, exist_ok=True)
    compile_all = (str(python), "-m", "compileall", "-q", "-q", "-j", "0", str(prefix / "lib"))
    # What does not compile (templates, tests of syntax errors) would not be imported either.
    subprocess.run(compile_all, check=False)  # noqa: S603 (the argv is ours)
    list_fonts = (str(python), "-c", "import matplotlib.font_manager")
    environment = {**os.environ, "MPLCONFIGDIR": str(fonts)}
    subprocess.run(list_fonts, check=True, env=environment)  # noqa: S603


def main() -> None:
    """Prepare the environment that the arguments name."""
    if len(sys.argv) != 2:
        sys.exit("usage: python -m pybot.services.local.kernel_setup PYTHON")
    prepare(Path(sys.argv[1]).absolute())


if __name__ == "__main__":
    main()
