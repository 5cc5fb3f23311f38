"""What a viewer's runs used, by model."""

from collections.abc import Iterable

from msgspec import Struct

from pybot.services.records.run import TokenUsage


class RunUsage(Struct, frozen=True, kw_only=True):
    """What one run used that has ended."""

    run_id: str
    model: str
    tokens: TokenUsage


class ModelUsage(Struct, frozen=True, kw_only=True):
    """What so many runs with one model used."""

    model: str
    runs: int
    tokens: TokenUsage


def by_model(used: Iterable[RunUsage]) -> list[ModelUsage]:
    """The sums of each model, in the order of their names."""
    tokens: dict[str, TokenUsage] = {}
    runs: dict[str, int] = {}
    for each in used:
        tokens[each.model] = tokens.get(each.model, TokenUsage()) + each.tokens
        runs[each.model] = runs.get(each.model, 0) + 1
    return [
        ModelUsage(model=model, runs=runs[model], tokens=tokens[model]) for model in sorted(runs)
    ]
