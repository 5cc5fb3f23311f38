"""Limits at the wire: what is just within one passes."""

import pytest

from tests.client import run_of
from tests.fixtures.server import Start

LONGEST = 20
# Each is two code units of UTF-16 and four bytes of UTF-8.
CHARACTER = "🎈"


async def test_message_of_just_the_longest_passes(start: Start) -> None:
    async with start(limits={"max_message_length": LONGEST}) as server:
        ann = server.user()
        sent = await ann.send(CHARACTER * LONGEST)
        assert sent["errors"] == []
        assert sent["message"]["text"] == CHARACTER * LONGEST
        assert run_of(await ann.until_ended(sent))["status"] == "COMPLETED"


@pytest.mark.parametrize("length", [LONGEST + 1, LONGEST * 100])
async def test_longer_message_is_refused_and_can_be_shortened(start: Start, length: int) -> None:
    """The refusal names the field; nothing was made, and the key is still good."""
    async with start(limits={"max_message_length": LONGEST}) as server:
        ann = server.user()
        refused = await ann.send(CHARACTER * length, key="a key")
        assert [(each["code"], each["path"]) for each in refused["errors"]] == [
            ("INVALID", ["input", "text"])
        ]
        assert refused["conversation"] is None
        listed = await ann.ask("{ viewer { conversations { totalCount } } }")
        assert listed["viewer"]["conversations"]["totalCount"] == 0
        sent = await ann.send(CHARACTER * LONGEST, key="a key")
        assert sent["errors"] == []
        await ann.until_ended(sent)
