"""The two framings of a kernel's websocket."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybot.services.kernels.gateway_frames import V1, decode, encode, request


@pytest.mark.parametrize("framing", [V1, None])
def test_request_is_read_back(framing: str | None) -> None:
    """What is written is a message that can be read."""
    message = request(
        "execute_request", {"code": "é = '\N{SNAKE}'"}, message_id="m", session_id="s"
    )
    frame = encode(message, framing)
    read = decode(frame if framing == V1 else frame.decode(), framing)
    assert read["msg_type"] == "execute_request"
    assert read["content"] == {"code": "é = '\N{SNAKE}'"}
    assert (read["header"]["msg_id"], read["header"]["session"]) == ("m", "s")
    assert read["parent_header"] == {}


def test_v1_frame_names_the_shell_channel() -> None:
    """The first part is the channel, and the last offset the frame's length."""
    frame = encode(request("kernel_info_request", {}, message_id="m", session_id="s"), V1)
    count, *offsets = struct.unpack_from("<7Q", frame)
    assert count == len(offsets)
    assert frame[offsets[0] : offsets[1]] == b"shell"
    assert offsets[-1] == len(frame)


def test_json_frame_with_buffers_is_read_without_them() -> None:
    """Messages with buffers come as binary frames: a table of offsets first."""
    message = json.dumps({"header": {"msg_type": "comm_msg"}, "content": {"a": 1}}).encode()
    frame = struct.pack(">3I", 2, 12, 12 + len(message)) + message + b"buffer"
    assert decode(frame, None)["content"] == {"a": 1}
    alone = struct.pack(">2I", 1, 8) + message
    assert decode(alone, None)["msg_type"] == "comm_msg"


@given(st.one_of(st.binary(), st.text()), st.sampled_from([V1, None]))
def test_malformed_message_is_ignored(frame: bytes | str, framing: str | None) -> None:
    """Nothing that arrives ends the reading."""
    assert decode(frame, framing) == {}


@pytest.mark.parametrize("header", ["[]", '"text"', "{}", "7", "NaN"])
def test_message_without_a_type_is_passed_over(header: str) -> None:
    """A header may be any JSON."""
    assert decode(f'{{"header": {header}}}', None) == {}
