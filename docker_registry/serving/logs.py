"""Log lines on stderr: text for people or JSON for collectors, one line for one event."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import Any

from docker_registry.concurrency import trace
from docker_registry.settings import Settings

__all__ = ["STARTING", "configure", "log_access"]

STARTING = logging.getLogger("docker_registry.starting")  # says where this serves, at any log level

_ACCESS = logging.getLogger("docker_registry.access")
# Of a query only this is written down: the rest of an upload's URL is a licence to go on with the upload.
_SHOWN = re.compile(r"(?:^|(?<=&))(?:digest|mount|from|n|last|artifactType)=[^&]*")
_UNPRINTABLE = re.compile(r"[^ -~]")
# Wherever else it stands, in whichever of its letters is percent-encoded, once or more, it is cut out of every line.
_LICENCE = re.compile(
    "(" + "".join(f"(?:{character}|%(?:25)*{ord(character):x})" for character in "_state=") + r""")[^\s&"'\\]+""",
    re.IGNORECASE,
)
Fields = tuple[tuple[str, str], ...]  # that every line has

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class _Text(logging.Formatter):
    def __init__(self, fields: Fields) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        self.converter = time.gmtime
        self._fields = "".join(f" {name}={value}" for name, value in fields)

    def format(self, record: logging.LogRecord) -> str:
        return _without_licence(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  logging's name
        # Whatever a client's text got into a message, it is one line and no order to a terminal.
        line = _CONTROL.sub(lambda match: ascii(match[0])[1:-1], super().formatMessage(record))
        request = trace.current()
        return f"{line} request={request}{self._fields}" if request else line + self._fields


class _Json(logging.Formatter):
    def __init__(self, fields: Fields) -> None:
        super().__init__()
        self._fields = dict(fields)

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            **self._fields,
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if trace.current():
            line["request"] = trace.current()
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _without_licence(json.dumps(line))


def configure(settings: Settings) -> None:
    """Send every logger of this process to stderr, as the settings say."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter((_Json if settings.log_json else _Text)(settings.log_fields))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # What these say at info, the access log says better or nobody needs; DEBUG of theirs shows tokens.
    for name in ("swiftclient", "keystoneclient", "keystoneauth", "urllib3", "requests", "gunicorn.error"):
        logging.getLogger(name).setLevel(logging.WARNING)
    STARTING.setLevel(logging.INFO)
    _ACCESS.disabled = not settings.access_log


def _without_licence(text: str) -> str:
    return _LICENCE.sub(r"\1...", text)


def _quoted(text: str) -> str:
    """As what stands between two quotation marks, which it cannot end."""
    return text.replace("\\", r"\\").replace('"', r"\"")


def log_access(
    client: str, method: str, target: str, status: int, sent: int, received: int, seconds: float, agent: str
) -> None:
    """One line for a request that was answered, or given up.

    `sent` and `received` are bytes of bodies; `status` is 499 when the client left first.
    """
    if not _ACCESS.isEnabledFor(logging.INFO):
        return
    path, _, query = target.partition("?")
    shown = "&".join(_SHOWN.findall(query))
    fields = {
        "client": client,
        "method": _UNPRINTABLE.sub("?", method),
        "path": _UNPRINTABLE.sub("?", f"{path}?{shown}" if shown else path),
        "status": status,
        "sent": sent,
        "received": received,
        "seconds": round(seconds, 3),
        "agent": _UNPRINTABLE.sub("?", agent),
    }
    _ACCESS.info(
        '%(client)s "%(method)s %(path)s" %(status)s sent=%(sent)s received=%(received)s %(seconds).3fs "%(agent)s"',
        {**fields, **{name: _quoted(str(fields[name])) for name in ("method", "path", "agent")}},
        extra={"fields": fields},
    )
