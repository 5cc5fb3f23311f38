# ruff: noqa: INP001 (IPython runs it; it is no module)
"""Runs before the first cell of a gateway's kernel: the same things at hand as in local kernels.

It is copied to a place where IPython looks, `etc/ipython/startup/` of the kernels' environment.
What it defined, cells would see.
"""


def _prepare() -> None:
    import os
    import shutil
    import sys
    from importlib import import_module
    from pathlib import Path

    # Matplotlib's settings and its list of fonts, where it can write.
    made = Path(sys.prefix) / "share" / "pybot"
    if folder := os.environ.get("MPLCONFIGDIR"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file in (made / "matplotlibrc", *made.glob("matplotlib/fontlist-*.json")):
            shutil.copy(file, folder)
    # np, pd and plt, imported by the first cell that mentions them.
    shell = import_module("IPython").get_ipython()
    importer = import_module("pybot_kernel").importer
    shell.events.register("pre_run_cell", importer(shell.user_ns))


_prepare()
del _prepare
