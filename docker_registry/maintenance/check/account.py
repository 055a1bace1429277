"""How it stands with the account and the container, asked through the swift driver's own connections."""

from __future__ import annotations

import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any
from urllib.error import HTTPError, URLError

from docker_registry.core.driver import Base
from docker_registry.core.exceptions import FileNotFoundError, UnspecifiedError
from docker_registry.distribution.model import layout
from docker_registry.drivers.swift.http import listing
from docker_registry.drivers.swift.http.client import Client
from docker_registry.drivers.swift.login.token import Auth
from docker_registry.drivers.swift.names import Names
from docker_registry.drivers.swift.settings import config
from docker_registry.settings import Settings

from .abilities import abilities
from .lines import Line, error, ok, warning
from .trial import Trial

__all__ = ["Account"]

_SKEW = 60.0  # seconds by which two clocks may differ before anybody need know
_LOOKED_AT = 10_000  # rows of a listing
_PATIENCE = 15.0  # seconds for a signed URL to answer
_PROBE = b"written by docker-registry-swift check, which removes it again\n"


class Account:
    """Checks of one account. Raises ConfigError when the options are wrong."""

    def __init__(self, settings: Settings, driver: Base):
        self._settings = settings
        self._driver = driver
        self._swift: Any = config.read(settings.driver)  # type: ignore[no-untyped-call]
        self._auth: Any = Auth(self._swift)  # type: ignore[no-untyped-call]
        self._client: Any = Client(self._swift, self._auth)  # type: ignore[no-untyped-call]

    def check(self) -> Iterator[Line]:
        """Generate lines; after an error that makes the others pointless there are no more."""
        try:
            access = self._auth.access()
        except UnspecifiedError as failure:
            yield error("login", _text(failure))
            return
        yield ok("login", f"{self._auth.describe()}, {self._version()}")
        region = f", region {self._swift.region_name}" if self._swift.region_name else ""
        yield ok("endpoint", f"{access.url} ({self._swift.endpoint_type}{region})")
        found, there = self._container()
        yield from found
        if there:
            yield from self._rights()
        yield from self.abilities()

    def abilities(self) -> Iterator[Line]:
        """Generate what the server can do, and what of the settings it cannot."""
        habits, swift = self._client.habits, self._swift
        yield from abilities(self._client.info, swift.segment_size, swift.storage_policy, habits)

    @property
    def container(self) -> str:
        return str(self._swift.container)

    def has_container(self) -> bool:
        """Raises ConnectionError when Swift does not say."""
        return bool(self._client.request("HEAD", accept=(404,)).status != 404)

    def made(self) -> str | None:
        """When the container was made, as Swift writes it, or None. Raises ConnectionError when Swift does not say."""
        made: str | None = self._client.request("HEAD", accept=(404,)).headers.get("x-timestamp")
        return made

    @property
    def prefix(self) -> str:
        """Under which the driver keeps its files; "" for none."""
        root: str = Names(self._swift.container, self._settings.storage_path).root  # type: ignore[no-untyped-call]
        return root.removesuffix("/")

    def prefixes(self) -> list[str]:
        """Under which ones the container has a registry's files, "" for none. Raises UnspecifiedError."""
        end = f"/{layout.REPOSITORIES}/"
        rows = islice(listing.rows(self._client, delimiter=end), _LOOKED_AT)  # type: ignore[no-untyped-call]
        found = [row["subdir"].removesuffix(end) for row in rows if "subdir" in row]
        if any(True for _ in listing.rows(self._client, end[1:], limit=1)):  # type: ignore[no-untyped-call]
            found.append("")
        return found

    def elsewhere(self, prefixes: Sequence[str]) -> Iterator[Line]:
        """Generate a line when the container has a registry's files under a prefix that is not the driver's."""
        others = [repr(prefix) if prefix else "none (storage_path: /)" for prefix in prefixes if prefix != self.prefix]
        if others:
            yield warning(
                "layout",
                f"in this container a registry's files are under the prefix {' and '.join(others[:10])}",
                "Set storage_path, or storage.swift.prefix of Distribution's file, to it",
            )

    def _version(self) -> str:
        if self._swift.storage_url and not self._swift.auth_url:
            return "a token alone"
        version = self._swift.auth_version
        return f"auth v{version}" if version else "auth version as the server offers"

    def _container(self) -> tuple[list[Line], bool]:
        """Lines about the container and the server's clock, and whether the container is there."""
        name = self._swift.container
        try:
            answer = self._client.request("HEAD", accept=(404,))
        except UnspecifiedError as failure:
            return [error("container", _text(failure))], False
        clock = _clock(answer.headers.get("date"))
        if answer.status == 404:
            return [
                *clock,
                warning("container", f"{name} is not there", "The first push makes it, if this user may"),
            ], False
        objects = answer.headers.get("x-container-object-count", "?")
        size = answer.headers.get("x-container-bytes-used", "?")
        there = ok("container", f"{name}, {objects} objects, {size} bytes")
        return [*clock, there, *_versions(answer.headers)], True

    def _rights(self) -> Iterator[Line]:
        """Write, read, sign, delete a small file of its own name; then try what else a registry asks of a Swift."""
        path = f"check-{uuid.uuid4().hex}"
        try:
            self._driver.put_content(path, _PROBE)
        except UnspecifiedError as failure:
            yield error("writing", _text(failure), "A registry needs the right to write into the container")
            return
        try:
            yield self._reading(path)
            yield self._signed(path)
        finally:
            yield self._deleting(path)
        folder = Names(self._swift.container, self._settings.storage_path).file(path)  # type: ignore[no-untyped-call]
        yield from Trial(self._client, folder).run()

    def _reading(self, path: str) -> Line:
        try:
            content = self._driver.get_content(path)
        except UnspecifiedError as failure:
            return error("reading", _text(failure), "A registry needs the right to read the container")
        if content != _PROBE:
            return error("reading", "the storage returned other bytes than were written", "Look for a proxy between")
        return ok("rights", "write and read")

    def _deleting(self, path: str) -> Line:
        try:
            self._driver.remove(path)
        except FileNotFoundError:
            return error("deleting", f"{path} was written and then was not there", "Look for another Swift behind")
        except UnspecifiedError as failure:
            return error("deleting", _text(failure), f"Without that right nothing is ever freed. Remove {path} by hand")
        return ok("rights", "delete")

    def _signed(self, path: str) -> Line:
        try:
            url = self._driver.content_redirect_url(path)
        except UnspecifiedError as failure:
            return error("signed URL", _text(failure))
        if url is None:
            if not self._settings.redirect:
                return ok("signed URL", "redirects are off, pulls go through the registry")
            return warning("signed URL", "none can be made", "Pulls go through the registry; see swift_temp_url_key")
        try:
            with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:  # noqa: S310  the driver's own URL
                content = answer.read(len(_PROBE) + 1)
        except (URLError, OSError) as failure:
            reason = getattr(failure, "reason", failure)
            if isinstance(failure, HTTPError) and failure.code in (401, 403) and self._settings.redirect:
                return error(
                    "signed URL",
                    f"Swift does not accept it: {failure.code} {reason}",
                    "No redirected pull will work: check swift_temp_url_key and the clock, or switch redirects off",
                )
            return warning(
                "signed URL",
                f"{url.partition('?')[0]}: {reason}",
                "Clients that are redirected will fail too: check swift_temp_url_key, the endpoint type and the clock, "
                "or switch redirects off",
            )
        if content != _PROBE:
            return error("signed URL", "it leads to other bytes than were written", "Switch redirects off")
        return ok("signed URL", f"{url.partition('?')[0].partition('/v1')[0]} can be reached from here")


def _versions(headers: Mapping[str, str]) -> Iterator[Line]:
    """What becomes of a registry where its operator keeps old versions of objects: docs/containers.md."""
    if headers.get("x-versions-location"):
        yield error(
            "versions",
            "X-Versions-Location is set, so what a registry deletes comes back as the version before it",
            "Tags and images cannot be deleted: remove it from the container",
        )
    elif headers.get("x-history-location") or headers.get("x-versions-enabled", "").lower() == "true":
        yield warning(
            "versions",
            "old versions of objects are kept, so that nothing a registry deletes or replaces is freed",
            "Switch them off, or let them expire, for this container",
        )


def _clock(date: str | None) -> list[Line]:
    try:
        skew = time.time() - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return [warning("clock", "the server does not tell its time")]
    if abs(skew) > _SKEW:
        return [
            warning(
                "clock",
                f"this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the server",
                "Signed URLs and tokens end at a time: let NTP set both clocks",
            )
        ]
    return [ok("clock", f"within {_SKEW:.0f} s of the server's")]


def _text(failure: UnspecifiedError) -> str:
    return str(failure) or failure.message
