"""Titles of conversations that no model made."""

MAX_LENGTH = 60  # characters
MAX_WORDS = 8


def first_words(question: str) -> str:
    """A title of at most MAX_LENGTH characters and MAX_WORDS words: how a question begins."""
    words = question.split()
    title = ""
    for word in words[:MAX_WORDS]:
        longer = f"{title} {word}".strip()
        if len(longer) > MAX_LENGTH:
            break
        title = longer
    if not title and words:
        title = words[0][:MAX_LENGTH]
    return title.rstrip(".,;:") or "New conversation"
