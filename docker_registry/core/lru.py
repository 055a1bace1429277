"""A Redis cache of small files that several v1 registries share.

Off until `init` is called. The decorators take the path (and, for `set`, the
content) for the last of the method's arguments, given by place or by name;
they look for the connection at each call, so that a driver may be imported
first. A Redis that does not answer costs a warning, never a request.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import redis

__all__ = ["cache_key", "get", "get_by_key", "init", "remove", "set"]

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


def cache_key(key: str) -> str:
    """The key in Redis of a path."""
    return cache_prefix + key


def get_by_key(key: str) -> Any:
    """What Redis has under a key of `cache_key`; None where it has nothing, is off or fails."""
    return _ask("get", key)


def _ask(command: str, key: str, *args: Any) -> Any:
    """One Redis command on a key; None when Redis is off or fails."""
    if redis_conn is None:
        return None
    import redis

    try:
        return getattr(redis_conn, command)(key, *args)
    except redis.exceptions.RedisError as error:
        logger.warning("redis: %s", error)
        return None


def _by_place(method: Method, act: Callable[[tuple[Any, ...]], Any]) -> Method:
    """`method`, replaced by what `act` does with all of its arguments in their places."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return act(signature.bind(*args, **kwargs).args if kwargs else args)

    return wrapper


def get(method: Method) -> Method:
    """Decorate a reader: `method(..., path) -> bytes`."""

    def act(args: tuple[Any, ...]) -> Any:
        key = cache_key(args[-1])
        content = get_by_key(key)
        if content is None:
            content = method(*args)
            _ask("set", key, content)
        return content

    return _by_place(method, act)


def set(method: Method) -> Method:
    """Decorate a writer: `method(..., path, content)`; the storage is written first."""

    def act(args: tuple[Any, ...]) -> Any:
        key, content = cache_key(args[-2]), args[-1]
        # A failed write must leave no cached content that the storage lacks.
        _ask("delete", key)
        result = method(*args)
        _ask("set", key, content)
        return result

    return _by_place(method, act)


def remove(method: Method) -> Method:
    """Decorate a remover: `method(..., path)`."""

    def act(args: tuple[Any, ...]) -> Any:
        try:
            return method(*args)
        finally:
            _ask("delete", cache_key(args[-1]))

    return _by_place(method, act)
