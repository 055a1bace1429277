"""What an operator is told of the secret that signs."""

from __future__ import annotations

from typing import Any

import pytest

from docker_registry.config import classic
from docker_registry.config.secret import doubts
from docker_registry.config.values import Problems

SHORT, UNSET, UNSIGNED = "has fewer than 16 characters", "is not set, so the secret is derived", "robots without secret"
ANY_ROBOT = "log in as any robot"
LONG = "0123456789abcdef"


@pytest.mark.parametrize(
    ("secret", "robots", "told"),
    [
        ("x", False, [SHORT]),
        ("placeholder", False, [SHORT]),
        ("change-me", True, [SHORT, ANY_ROBOT]),
        (LONG[:15], False, [SHORT]),
        ([LONG, "old"], False, [SHORT]),
        (LONG, True, []),
        ([LONG, LONG[::-1]], True, []),
        ("", False, []),
        ("", True, [UNSIGNED]),
        (None, False, []),
        ("_env:REGISTRY_SECRET", False, [UNSET]),
        ("_env:REGISTRY_SECRET", True, [UNSET, UNSIGNED]),
        ("_env:SHORT", False, [SHORT]),
        ("_env:GIVEN", True, []),
    ],
)
def test_what_is_told_of_a_secret(secret: Any, robots: bool, told: list[str]) -> None:
    flavor: dict[str, Any] = {"storage": "swift", "swift_container": "c", "registry": {"auth": {"robots": robots}}}
    if secret is not None:
        flavor["secret_key"] = secret
    environ = {"GIVEN": LONG, "SHORT": "placeholder"}
    loaded = classic.read({"test": flavor}, "f", environ, None, Problems())
    lines = doubts(loaded.settings, loaded.unset)
    text = "\n".join(lines)
    assert [part for part in (SHORT, UNSET, UNSIGNED, ANY_ROBOT) if part in text] == sorted(
        told, key=(SHORT, UNSET, UNSIGNED, ANY_ROBOT).index
    )
    assert len(lines) == len([part for part in told if part != ANY_ROBOT])
    assert "placeholder" not in text
    assert LONG[:15] not in text
    if UNSET in told:
        assert "REGISTRY_SECRET" in text
