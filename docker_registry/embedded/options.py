"""The options of an embedded Swift, in a form that can be sent to its process."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

__all__ = ["AuthFilter", "EmbeddedError", "SwiftOptions"]


class EmbeddedError(Exception):
    """The embedded Swift cannot run; the text is one line for the user."""


@dataclass(frozen=True)
class AuthFilter:
    """Who may do what: the part of the proxy's pipeline that TempAuth plays by default.

    `pipeline` names the filters in their order; `sections` is the text that
    configures them, each beginning with `[filter:NAME]`.
    """

    pipeline: str
    sections: str


Self = TypeVar("Self", bound="SwiftOptions")


@dataclass(frozen=True)
class SwiftOptions:
    """How to run one embedded Swift."""

    data_dir: str
    port: int = 0  # of the proxy, on 127.0.0.1; 0 picks a free one
    user: str = "test:tester"  # ACCOUNT:USER, owner of the account
    password: str = field(default="testing", repr=False)
    # More ACCOUNT:USER and password, with no rights but what a container's ACL gives them.
    guests: dict[str, str] = field(default_factory=dict, repr=False)
    auth: AuthFilter | None = field(default=None, repr=False)  # None: TempAuth with the above
    object_server: bool = False  # in a process of its own: large bodies flow faster on two cores
    request_log: bool = False
    fsync: bool = True  # False trades safety in a power failure for speed
    chunk_size: int = 256 << 10  # bytes Swift moves at a time; Swift's own default of 64 KiB is slower
    tasks_interval: float = 5.0  # seconds between runs of what a cluster's daemons do
    constraints: dict[str, int] = field(default_factory=dict)  # section swift-constraints of swift.conf

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls: type[Self], text: str) -> Self:
        values: dict[str, Any] = json.loads(text)
        if values["auth"]:
            values["auth"] = AuthFilter(**values["auth"])
        return cls(**values)
