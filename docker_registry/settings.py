"""What the registry and its server can be told, after every config format has been read.

`docker_registry.config` fills this in from docker-registry's or Distribution's
config file; nothing else in the registry knows how such a file looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Network, IPv6Network
from typing import Any, NamedTuple

from docker_registry.core.driver import Base, fetch

__all__ = [
    "DEFAULT",
    "Auth",
    "Check",
    "ContainerRule",
    "Debug",
    "DriverConfig",
    "Endpoint",
    "Expire",
    "Immutable",
    "KeepTags",
    "KeepUntagged",
    "KeystoneDoor",
    "Limits",
    "Quota",
    "Quotas",
    "Retention",
    "Rule",
    "Settings",
    "Tls",
    "TokenServer",
    "of_each_container",
    "open_driver",
]

MIB = 1024 * 1024
DEFAULT = "default"  # how the container is called that has what no rule is for


class DriverConfig(Mapping[str, Any]):
    """The options a storage driver reads: as attributes or items, None where one is not set.

    So docker-registry hands them out, nested mappings too. Its repr names the
    options without their values, since some are secrets.
    """

    def __init__(self, options: Mapping[str, Any] | None = None):
        self._options = {key: value for key, value in (options or {}).items() if value is not None}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle ask for such names before __init__ ran
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        value = self._options.get(name)
        return DriverConfig(value) if isinstance(value, dict) else value

    def __contains__(self, name: object) -> bool:
        return name in self._options

    def get(self, name: str, default: Any = None) -> Any:
        value = self[name]
        return default if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._options)

    def __len__(self) -> int:
        return len(self._options)

    def __repr__(self) -> str:
        return f"DriverConfig({', '.join(sorted(self._options))})"


class Rule(NamedTuple):
    """Who may do what with which repositories; the patterns are those of `distribution.auth.patterns`."""

    who: tuple[str, ...]  # "anonymous", "user:alice", "robot:deploy", "*" for everybody who logged in
    repositories: tuple[str, ...]
    may: tuple[str, ...]  # of "pull", "push", "delete", "admin", which includes the others


class Immutable(NamedTuple):
    """Tags that, once set, are neither moved nor deleted."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...]


class Expire(NamedTuple):
    """Tags that vanish some time after they were pushed last; of several, the first that fits a tag counts."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    after: float | None = None  # s; None where only the push may ask for it
    on_request: bool = False  # whether a push may ask, by header or annotation, for no longer than `after`
    labels: bool = False  # whether it may ask by a label of the image's config too, which costs a request


class KeepTags(NamedTuple):
    """Tags of which some stay, for any of these reasons; of several, the first that fits a tag counts."""

    repositories: tuple[str, ...]
    tags: tuple[str, ...]
    all: bool = False  # every one of them stays
    last: int | None = None  # so many that were pushed last
    younger: float | None = None  # s; those that were pushed since then


class KeepUntagged(NamedTuple):
    """How long manifests stay that no tag needs, until gc takes them; of several, the first that fits counts."""

    repositories: tuple[str, ...]
    after: float  # s


@dataclass(frozen=True)
class Retention:
    """What `retention` removes, and gc of manifests without a tag. What no rule is for stays."""

    tags: tuple[KeepTags, ...] = ()
    untagged: tuple[KeepUntagged, ...] = ()
    every: float = 0.0  # s between two runs inside `serve`; 0 for none


@dataclass(frozen=True)
class ContainerRule:
    """Repositories that are kept apart from all others, in a container of their own."""

    name: str  # how messages call it
    repositories: tuple[str, ...]  # patterns
    storage_path: str
    driver: DriverConfig  # all of its options
    place: str = ""  # another one wherever the driver leads to another container


@dataclass(frozen=True)
class TokenServer:
    """Distribution's `auth.token`: tokens that somebody else's server signs."""

    realm: str  # its URL, which clients ask for a token
    service: str  # how it calls this registry
    issuer: str
    certificates: str = ""  # file of PEM certificates
    jwks: str = ""  # file or URL of a JSON Web Key Set
    algorithms: tuple[str, ...] = ()  # () for all that need no shared secret
    groups: str = ""  # the claim that lists the groups of its user; "": the policy does not count for tokens

    @property
    def is_jwks_url(self) -> bool:
        return self.jwks.startswith(("https://", "http://"))


@dataclass(frozen=True)
class KeystoneDoor:
    """OpenStack's users. The fields of `prefix` are project_id, project_name, domain_id, domain_name."""

    url: str  # ends in /v3
    cacert: str = ""  # file of the certificates that sign Keystone's
    prefix: str = "{project_id}"  # what the names of a project's repositories begin with
    domain: str = ""  # name or id of the only domain whose projects have repositories; "" for all
    policy_file: str = ""  # of oslo.policy; "" for the defaults
    groups: bool = False  # ask for the groups of each user, which is one request more
    acts_for_callers: bool = False  # on Swift, with their own tokens: its ACLs are their rights


@dataclass(frozen=True)
class Header:
    """Headers by which a trusted proxy says who it let in."""

    user: str
    groups: str = ""  # its values are separated by commas; "" for none


@dataclass(frozen=True)
class Auth:
    """Who may come in. With nothing set, everybody may do everything."""

    realm: str = "docker-registry-swift"  # what clients show when they ask for a password
    htpasswd: str = ""  # file of names and bcrypt hashes
    token: TokenServer | None = None
    keystone: KeystoneDoor | None = None
    robots: bool = False  # passwords that the registry made itself
    revoked: tuple[str, ...] = ()  # ids of such passwords
    certificates: bool = False  # whoever shows one of `tls.client_cas` is its common name
    header: Header | None = None
    policy: tuple[Rule, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()  # names, and who is in them, as rules name people
    immutable: tuple[Immutable, ...] = ()
    read_only: tuple[str, ...] = ()  # patterns of repositories

    @property
    def acts_for_callers(self) -> bool:
        return self.keystone is not None and self.keystone.acts_for_callers

    @property
    def is_on(self) -> bool:
        doors = (self.htpasswd, self.token, self.keystone, self.robots, self.certificates, self.header)
        return any(map(bool, doors))


@dataclass(frozen=True)
class Tls:
    """Distribution's `http.tls`; files are of PEM."""

    certificate: str  # file, with the chain behind it
    key: str
    client_cas: tuple[str, ...] = ()  # files of those whose clients may come in; () asks for no certificate
    client_required: bool = True  # False lets clients in that show none
    minimum: str = "tls1.2"
    ciphers: tuple[str, ...] = ()  # by OpenSSL's names; () for its choice
    more: tuple[tuple[str, str], ...] = ()  # files of further certificates, for other hosts, and of their keys


@dataclass(frozen=True)
class Debug:
    """Distribution's `http.debug`: a second port, for those who watch the registry."""

    host: str
    port: int
    metrics: str = ""  # path; "" for no metrics


class Check(NamedTuple):
    """One of Distribution's `health`: while it fails, nothing is served."""

    kind: str  # "storage", "file" (fails while there is one), "http", "tcp"
    target: str = ""  # file, URL, or host:port
    interval: float = 10.0  # s
    threshold: int = 1  # failures in a row that count
    timeout: float = 10.0  # s
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Endpoint:
    """One of Distribution's `notifications.endpoints`: who is told what happens."""

    name: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout: float = 1.0  # s
    threshold: int = 10  # failures in a row from which on `backoff` lies between tries
    backoff: float = 1.0  # s
    ignored_media_types: frozenset[str] = frozenset()
    ignored_actions: frozenset[str] = frozenset()
    secret: bytes = field(default=b"", repr=False)  # signs what is sent; b"" for no signature
    queue: int = 10_000  # events that wait, in one process


@dataclass(frozen=True)
class Collection:
    """When the registry itself collects garbage."""

    every: float = 0.0  # s between two calls of gc; 0: somebody else calls it
    grace: float = 3 * 24 * 3600.0  # s


class Quota(NamedTuple):
    """What some repositories may hold together. Each rule that fits a repository counts."""

    repositories: tuple[str, ...]  # patterns
    bytes: int | None = None  # of blobs and manifests, each counted once; None for any number
    tags: int | None = None

    @property
    def name(self) -> str:
        """How messages call it, and what was counted for it is known by."""
        return ", ".join(self.repositories)


@dataclass(frozen=True)
class Quotas:
    rules: tuple[Quota, ...] = ()
    every: float = 600.0  # s between two counts of what is there


@dataclass(frozen=True)
class Limits:
    """What one client may ask of one worker: who logged in, by name, else an address, of IPv6 a /64. 0: any number."""

    requests_per_second: float = 0.0  # on the whole
    burst: int = 200  # requests at a time, when the client rested before
    requests_at_once: int = 0
    uploads_at_once: int = 0  # of these, those that send something
    connections: int = 500  # of one address, unless it is a trusted proxy's
    blob_size: int = 0  # bytes


@dataclass(frozen=True)
class Settings:
    """Every knob of one registry. The defaults are those of a registry that nobody configured."""

    # The storage.
    storage: str = "swift"  # the module below docker_registry.drivers
    storage_path: str = "/"  # the folder of the storage in which everything lies
    driver: DriverConfig = field(default_factory=DriverConfig)
    containers: tuple[ContainerRule, ...] = ()  # the first one that matches has the repository

    # What the registry does.
    secret: bytes = field(default=b"", repr=False)  # signs URLs of uploads and robots; the same on every replica
    former_secrets: tuple[bytes, ...] = field(default=(), repr=False)  # what these signed counts too
    redirect: bool = False  # send clients straight to the storage for a blob's bytes
    delete_enabled: bool = True
    read_only: bool = False
    manifest_size_limit: int = 4 * MIB  # bytes
    page_size_max: int = 1000  # entries in one answer of tags/list and _catalog
    verify_blobs: bool = False  # hash each whole blob that is sent
    upload_ttl: float = 24 * 3600.0  # s; an upload's URL is refused after it
    page: bool = True  # serve a web page below /ui/
    expire: tuple[Expire, ...] = ()
    retention: Retention = Retention()
    gc: Collection = Collection()
    quotas: Quotas = Quotas()

    # Who may come in.
    auth: Auth = Auth()
    limits: Limits = Limits()

    storage_timeout: float = 120.0  # s that one request may wait for the storage, or a stream since it last moved

    # What it remembers.
    cache_bytes: int = 64 * MIB  # immutable facts: manifests and sizes by digest, per worker
    link_ttl: float = 5.0  # s; what may be deleted through another replica

    # How it is reached.
    host: str = "127.0.0.1"
    port: int = 5000
    socket: str = ""  # path of a unix socket, in place of host and port
    tls: Tls | None = None
    prefix: str = ""  # path in front of /v2/ as clients see it: "" or "/some/where"
    public_url: str = ""  # "https://registry.example.com" to have scheme and host in each Location
    relative_urls: bool = False  # never have them there
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()  # whose X-Forwarded-* count
    headers: tuple[tuple[str, str], ...] = ()  # in every answer, instead of those of the same names

    # How it is run.
    workers: int = 1
    debug: Debug | None = None
    checks: tuple[Check, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    event_references: bool = False  # list in an event of a manifest what it refers to
    graceful_timeout: float = 60.0  # s for requests in flight when told to stop
    idle_timeout: float = 75.0  # s between two requests of a kept connection
    header_timeout: float = 20.0  # s for a request's head to come in whole
    body_timeout: float = 60.0  # s for the next bytes of a body, either way
    body_min_rate: int = 1024  # bytes/s of a body on the whole, either way, once that time is over; 0 for any
    connections: int = 1000  # of clients, per worker
    log_level: str = "info"
    log_json: bool = False
    log_fields: tuple[tuple[str, str], ...] = ()  # that every line has
    access_log: bool = True

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """The first signs, all verify."""
        return (self.secret, *self.former_secrets)


def open_driver(settings: Settings) -> Base:
    """The storage that the settings name. Raises ConfigError, or UsageError when it is not installed."""
    return fetch(settings.storage)(path=settings.storage_path, config=settings.driver)


def of_each_container(settings: Settings) -> Iterator[tuple[str, Settings]]:
    """The name of each container, the default one first, with the settings of a registry that had only this one."""
    yield DEFAULT, replace(settings, containers=())
    for rule in settings.containers:
        yield rule.name, replace(settings, storage_path=rule.storage_path, driver=rule.driver, containers=())
