"""A Redis cache of small files that several v1 registries share.

Off until `init` is called. The decorators take the path (and, for `set`, the
content) as the last positional arguments, as docker-registry-core's do; they
look for the connection at each call, so that a driver may be imported first.
A Redis that does not answer costs a warning, never a request.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis

__all__ = ["get", "init", "remove", "set"]

logger = logging.getLogger(__name__)

Method = Callable[..., Any]

redis_conn: redis.Redis | None = None
cache_prefix = ""

# Seconds: a cache that is slower than this is no cache.
_TIMEOUT = 2.0


def init(
    enable: bool = True,
    host: str = "localhost",
    port: int = 6379,
    db: int = 0,
    password: str | None = None,
    path: str = "/",
) -> None:
    """Connect to Redis, or with `enable=False` stop using it.

    Raises ImportError when the extra `redis` is not installed.
    """
    global redis_conn, cache_prefix
    if not enable:
        redis_conn = None
        return
    import redis

    logger.info("caching small files in redis at %s:%s, database %s", host, port, db)
    redis_conn = redis.Redis(
        host=host,
        port=int(port),
        db=int(db),
        password=password,
        socket_timeout=_TIMEOUT,
        socket_connect_timeout=_TIMEOUT,
    )
    cache_prefix = f"cache_path:{path}"


def _ask(command: str, path: str, *args: Any) -> Any:
    """One Redis command on a path's key; None when Redis is off or fails."""
    if redis_conn is None:
        return None
    import redis

    try:
        return getattr(redis_conn, command)(cache_prefix + path, *args)
    except redis.exceptions.RedisError as error:
        logger.warning("redis: %s", error)
        return None


def get(method: Method) -> Method:
    """Decorate a reader: `method(..., path) -> bytes`."""

    @functools.wraps(method)
    def wrapper(*args: Any) -> Any:
        path = args[-1]
        content = _ask("get", path)
        if content is None:
            content = method(*args)
            _ask("set", path, content)
        return content

    return wrapper


def set(method: Method) -> Method:
    """Decorate a writer: `method(..., path, content)`; the storage is written first."""

    @functools.wraps(method)
    def wrapper(*args: Any) -> Any:
        path, content = args[-2:]
        # A failed write must leave no cached content that the storage lacks.
        _ask("delete", path)
        result = method(*args)
        _ask("set", path, content)
        return result

    return wrapper


def remove(method: Method) -> Method:
    """Decorate a remover: `method(..., path)`."""

    @functools.wraps(method)
    def wrapper(*args: Any) -> Any:
        try:
            return method(*args)
        finally:
            _ask("delete", args[-1])

    return wrapper
