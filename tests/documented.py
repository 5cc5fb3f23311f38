"""What the tables of docs/errors.md have in their first columns."""

import re
from pathlib import Path

_TEXT = (Path(__file__).parents[1] / "docs" / "errors.md").read_text()
SECTIONS = {section.partition("\n")[0]: section for section in _TEXT.split("\n## ")[1:]}


def first_cells(section: str) -> list[str]:
    """The first column of a section's table."""
    rows = re.findall(r"^\| `?([\w]+)`? \|", SECTIONS[section], re.MULTILINE)
    return [row for row in rows if row not in ("code", "status")]
