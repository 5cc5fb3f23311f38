"""What the scripted TGI server was asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.tgi_script import turns_of


@dataclass
class Received:
    """A request as it came, and what became of it."""

    path: str
    body: Mapping[str, Any]
    headers: Mapping[str, str]
    status: int = 200
    tokens_sent: int = 0
    held: bool = False
    end: Literal["finished", "gone", "failed"] | None = None

    @property
    def prompt(self) -> str:
        """The prompt."""
        return str(self.body.get("inputs", ""))

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The generation parameters."""
        return self.body.get("parameters") or {}

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Role and text of each turn that the model is shown."""
        return turns_of(self.prompt)

    @property
    def temperature(self) -> float:
        """The temperature that is sampled with, 0 for none."""
        return float(self.parameters.get("temperature") or 0)
