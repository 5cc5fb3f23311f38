"""Names of the files that outputs are downloaded as."""

from pybot.services.conversations.stored_outputs import filename_of
from pybot.services.records import DisplayOutput, ErrorOutput, StreamName, StreamOutput


def test_filename_has_the_index_and_the_ending_of_the_media_type() -> None:
    """An unknown media type has no ending; a display without any is text."""
    shown = DisplayOutput(index=3, representations=())
    assert filename_of(shown, "image/png") == "output-3.png"
    assert filename_of(shown, "application/x-unheard-of") == "output-3"
    assert filename_of(shown) == "output-3.txt"


def test_texts_are_named_for_what_they_are() -> None:
    """A stream by its name, an exception as a traceback."""
    printed = StreamOutput(index=0, name=StreamName.STDERR, text="")
    assert filename_of(printed) == "stderr.txt"
    assert filename_of(ErrorOutput(index=0, ename="", evalue="", traceback=())) == "traceback.txt"
