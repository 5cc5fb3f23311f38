"""The tokens that runs used."""

import strawberry

from pybot.services import records


@strawberry.type(description="The tokens that a run used.")
class TokenUsage:
    """Tokens, as the model's service counts them."""

    prompt_tokens: int = strawberry.field(description="Tokens that the model read.")
    completion_tokens: int = strawberry.field(description="Tokens that the model wrote.")
    cached_tokens: int | None = strawberry.field(
        description="Of `promptTokens`, those that its service had cached; "
        "null when it does not say."
    )
    reasoning_tokens: int | None = strawberry.field(
        description="Of `completionTokens`, those that it thought; "
        "null when its service does not say."
    )

    @classmethod
    def from_record(cls, record: records.TokenUsage) -> "TokenUsage":
        """Tokens as a record counts them."""
        return cls(
            prompt_tokens=record.prompt_tokens,
            completion_tokens=record.completion_tokens,
            cached_tokens=record.cached_tokens,
            reasoning_tokens=record.reasoning_tokens,
        )


@strawberry.type(description="The tokens that runs with one model used.")
class ModelUsage:
    """A sum over runs that ended."""

    model: str = strawberry.field(description="The name of the model.")
    runs: int = strawberry.field(description="How many runs ended.")
    tokens: TokenUsage = strawberry.field(description="The tokens that they used.")

    @classmethod
    def from_record(cls, record: records.ModelUsage) -> "ModelUsage":
        """A sum as its record has it."""
        return cls(
            model=record.model,
            runs=record.runs,
            tokens=TokenUsage.from_record(record.tokens),
        )
