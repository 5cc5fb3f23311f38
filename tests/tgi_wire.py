"""The shapes of Text Generation Inference 3 on the wire."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.tgi_script import Plan


def cut_at_stop(script: Plan, parameters: Mapping[str, Any]) -> tuple[list[str], str]:
    """The tokens that are sent, and why they end: TGI looks at the text's end at each token."""
    limit = int(parameters.get("max_new_tokens") or 100)
    sequences: list[str] = parameters.get("stop") or []
    sent: list[str] = []
    tail = ""
    for piece in script.pieces:
        tail = (tail + piece)[-100:]
        sent.append(piece)
        # Its pattern is `sequence$`, which also matches before a last line end.
        if any(tail.endswith((each, f"{each}\n")) for each in sequences):
            return sent, "stop_sequence"
        if len(sent) == limit:
            return sent, "length"
    return sent, "eos_token" if script.end == "eos" else script.end


def token(index: int, text: str, *, special: bool = False) -> dict[str, object]:
    """A token as TGI writes it."""
    return {"id": 2 if special else 100 + index, "text": text, "logprob": -0.5, "special": special}


def finish(sent: Sequence[str], reason: str) -> dict[str, object]:
    """What the last event of a stream has more than the others."""
    count = len(sent) + (reason == "eos_token")
    details = {"finish_reason": reason, "generated_tokens": count, "seed": None, "input_length": 7}
    return {"generated_text": "".join(sent), "details": details}


def event(
    index: int, text: str, last: Mapping[str, object] | None, *, special: bool = False
) -> bytes:
    """One server-sent event, without a blank after `data:` as TGI writes it."""
    content = {
        "index": index + 1,
        "token": token(index, text, special=special),
        **(last or {"generated_text": None, "details": None}),
    }
    data = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return f"data:{data}\n\n".encode()
