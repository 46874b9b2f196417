"""A look at a Redis: whether it can be used, and which it is."""

from __future__ import annotations

SECONDS = 3.0


async def look(url: str) -> tuple[str, str]:
    """What is wrong (a code, never words of the server) or nothing, and its version."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    client: Redis = Redis.from_url(url, socket_connect_timeout=SECONDS, socket_timeout=SECONDS)
    try:
        facts = await client.info("server")
    except (RedisError, OSError, TimeoutError) as error:
        return type(error).__name__, ""
    finally:
        await client.aclose()
    return "", str(facts.get("redis_version", "?"))
