"""Global IDs: what `encode` gives comes back, and nothing else names anything."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.schema import ids

CONVERSATION = "0123456789abcdef" * 2
MESSAGE = f"{CONVERSATION}.{'f' * 32}"


@pytest.mark.parametrize(
    ("kind", "service_id"),
    [
        ("Viewer", CONVERSATION),
        ("Model", "org/a-model:latest ü"),
        ("Conversation", CONVERSATION),
        ("Run", MESSAGE),
        ("Message", MESSAGE),
        ("Cell", f"{MESSAGE}.3"),
        ("Output", f"{MESSAGE}.3.0"),
        ("Kernel", CONVERSATION),
    ],
)
def test_every_kind_comes_back(kind: ids.Kind, service_id: str) -> None:
    global_id = ids.encode(kind, service_id)
    assert global_id.replace("-", "").replace("_", "").isalnum()
    assert ids.decode(global_id) == (kind, service_id)
    assert ids.decode_as(kind, global_id) == service_id


def test_id_of_another_kind_names_nothing() -> None:
    assert ids.decode_as("Kernel", ids.encode("Conversation", CONVERSATION)) is None


@pytest.mark.parametrize(
    "text",
    [
        "Conversation:",
        "Conversation:{tag}",
        f"Conversation:{CONVERSATION}*",
        f"Conversation:{CONVERSATION}\n",
        f"Conversation:{MESSAGE}",
        f"Message:{CONVERSATION}",
        f"Cell:{MESSAGE}.x",
        f"Secret:{CONVERSATION}",
        CONVERSATION,
    ],
)
def test_other_shapes_name_nothing(text: str) -> None:
    """So nothing that clients invent gets into a key."""
    assert ids.decode(urlsafe_b64encode(text.encode()).decode().rstrip("=")) is None


def test_padded_and_foreign_spellings_name_nothing() -> None:
    """One object has one ID, so clients can compare them."""
    global_id = ids.encode("Conversation", CONVERSATION)
    padded = urlsafe_b64encode(f"Conversation:{CONVERSATION}".encode()).decode()
    assert padded == global_id
    for spelling in (f"{global_id}=", f" {global_id}", f"{global_id[:-1]}%", global_id + "é", ""):
        assert ids.decode(spelling) is None


@given(st.text(max_size=80))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    decoded = ids.decode(text)
    assert decoded is None or ids.encode(*decoded) == text
