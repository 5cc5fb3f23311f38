"""The kernels' own Python: where its parts lie, and what is prepared for it once."""

from pathlib import Path

from msgspec import Struct

from pybot.services.kernels.base import KernelUnavailable

MATPLOTLIB_FOLDER = Path("share", "pybot", "matplotlib")  # in the environment


class KernelPython(Struct, frozen=True):
    """A Python environment. All paths are absolute.

    `folders` are the pairs (real folder, the name by which the interpreter looks for it) that it
    needs outside /usr; `links` the symbolic links (path, target) on the way from `executable` to
    the real interpreter that lie in none of them.
    """

    executable: str
    folders: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    font_caches: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """The environment's folder."""
        return str(Path(self.executable).parent.parent)


def read_python(executable: Path) -> KernelPython:
    """Look an environment up. KernelUnavailable where there is none."""
    if not executable.exists():
        raise KernelUnavailable(
            f"There is no Python for kernels at {executable}. Set the project up again."
        )
    prefix = executable.parent.parent
    if (prefix / "pyvenv.cfg").exists() and not [*prefix.glob("lib/*/site-packages/ipykernel")]:
        raise KernelUnavailable(
            f"ipykernel is not installed in {prefix}. Set the kernels' environment up again."
        )
    folders = [(str(prefix.resolve()), str(prefix))]
    base = _base_prefix(prefix)
    for name in {str(base): None, str(base.resolve()): None}:
        # Only these two: where Python was built with a home folder as its prefix, the rest is
        # the user's own.
        folders += [
            (str(Path(name, part).resolve()), f"{name}/{part}")
            for part in ("bin", "lib")
            if Path(name, part).is_dir() and not Path(name).is_relative_to("/usr")
        ]
    return KernelPython(
        executable=str(executable),
        folders=tuple(dict.fromkeys(folders)),
        links=_links(executable, [name for _, name in folders]),
        font_caches=tuple(
            str(path) for path in sorted((prefix / MATPLOTLIB_FOLDER).glob("fontlist-*.json"))
        ),
    )


def _base_prefix(prefix: Path) -> Path:
    """The prefix of the Python that an environment was made with, as pyvenv.cfg spells it."""
    try:
        lines = (prefix / "pyvenv.cfg").read_text().splitlines()
    except FileNotFoundError:
        return prefix
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home":
            return Path(value.strip()).parent
    return prefix


def _links(executable: Path, folders: list[str]) -> tuple[tuple[str, str], ...]:
    """The links from an executable to the real one, where nothing bound has them already."""
    links: list[tuple[str, str]] = []
    path = executable
    while path.is_symlink():
        target = str(path.readlink())
        if not any(path.is_relative_to(folder) for folder in (*folders, "/usr")):
            links.append((str(path), target))
        path = path.parent / target
    return tuple(links)
