"""What is changed, and which tests must notice: `tests/mutants.toml`, read."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIST = ROOT / "tests" / "mutants.toml"
PACKAGES = ("pybot/services", "pybot/endpoint")


@dataclass(frozen=True)
class Area:
    """A module, or a folder of modules; `survivors` need not be noticed, each with its reason."""

    path: str
    tests: list[str]
    survivors: dict[str, str] = field(default_factory=dict[str, str])

    def holds(self, module: str) -> bool:
        """Whether a module belongs to it, unless to one inside of it."""
        return module == self.path or module.startswith(f"{self.path}/")


@dataclass(frozen=True)
class Areas:
    """`whole` areas are changed wherever they can be, `sampled` ones and those by sample."""

    whole: list[Area]
    sampled: list[Area]
    outside: dict[str, str]  # paths that cannot be measured, with the reason

    def of(self, module: str) -> Area:
        """The innermost area of a module."""
        holding = [area for area in self.whole + self.sampled if area.holds(module)]
        return max(holding, key=lambda area: len(area.path))

    def modules(self) -> list[str]:
        """All modules with functions, of both packages, that can be measured."""
        found = (
            path.relative_to(ROOT).as_posix()
            for package in PACKAGES
            for path in sorted((ROOT / package).rglob("*.py"))
        )
        return [
            module
            for module in found
            if not module.endswith("/__init__.py") and not inside(module, self.outside)
        ]


def inside(module: str, paths: Iterable[str]) -> bool:
    """Whether a module is one of some paths, or below one."""
    return any(module == path or module.startswith(f"{path}/") for path in paths)


def read() -> Areas:
    """The areas as they are listed."""
    listed = tomllib.loads(LIST.read_text())
    return Areas(
        whole=[Area(**area) for area in listed["module"]],
        sampled=[Area(**area) for area in listed["area"]],
        outside={area["path"]: area["reason"] for area in listed["outside"]},
    )
