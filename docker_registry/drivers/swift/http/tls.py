"""One TLS context for all connections with the same certificates; to make one takes 17 ms and 0.7 MiB."""

from __future__ import unicode_literals

import os

from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

__all__ = ["share_context"]

_contexts = {}  # type: dict[tuple[object, ...], object]
_MOST = 16  # contexts, in case files change for ever


def share_context(pool):
    """Let a urllib3 pool, whose connections would each make a context, use that of earlier ones.

    Files are read again once they have changed, so that renewed certificates count. Raises what reading them does.
    """
    if pool.scheme != "https" or pool.proxy is not None or pool.conn_kw.get("ssl_context"):
        return  # a proxy may be behind TLS too, and is trusted by the pool's own files
    said = (pool.cert_reqs, pool.ca_certs, pool.ca_cert_dir, pool.cert_file, pool.key_file)
    key = said + tuple(_stamp(path) for path in said[1:])
    context = _contexts.get(key)
    if context is None:
        context = _new_context(pool)
        if len(_contexts) >= _MOST:
            _contexts.clear()
        _contexts[key] = context
    pool.conn_kw["ssl_context"] = context
    pool.ca_certs = pool.ca_cert_dir = pool.cert_file = pool.key_file = None


def _stamp(path):
    if path is None:
        return None
    found = os.stat(path)
    return found.st_mtime, found.st_size, found.st_ino


def _new_context(pool):
    context = create_urllib3_context(cert_reqs=resolve_cert_reqs(pool.cert_reqs))
    if pool.ca_certs or pool.ca_cert_dir:
        context.load_verify_locations(pool.ca_certs, pool.ca_cert_dir)
    if pool.cert_file:
        context.load_cert_chain(pool.cert_file, pool.key_file)
    return context
