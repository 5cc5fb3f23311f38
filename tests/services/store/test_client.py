"""What fails for Redis's sake is Unavailable, in a single command as in a pipeline."""

import pytest

from pybot.errors import Unavailable
from pybot.services.store.client import connect


async def test_redis_that_refuses_writes_is_unavailable(redis_url: str) -> None:
    """With its own reason and nothing of the commands."""
    client = connect(redis_url)
    try:
        await client.config_set("min-replicas-to-write", 1)
        with pytest.raises(Unavailable, match="NOREPLICAS"):
            await client.set("key", "secret")
        async with client.pipeline(transaction=False) as pipeline:
            pipeline.get("key")
            pipeline.set("key", "secret")
            with pytest.raises(Unavailable, match="NOREPLICAS") as refused:
                await pipeline.execute()
        assert "secret" not in str(refused.value)
    finally:
        await client.config_set("min-replicas-to-write", 0)
        await client.aclose()
