"""How many readers of logs a hub has: a subscription that has ended leaves none."""

from pybot.services.store.hub import Hub


def reader_count(hub: Hub) -> int:
    """The readers of all logs in this process."""
    channels = hub._channels  # pyright: ignore[reportPrivateUsage]
    return sum(len(channel.inboxes) for channel in channels.values())
