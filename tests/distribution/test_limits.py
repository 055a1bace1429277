"""How much one client may ask for: the rate against a plain bucket of tokens, and what the registry answers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.clients import network_of
from docker_registry.distribution.errors import RegistryError
from docker_registry.distribution.limits import Limits, Rates
from docker_registry.distribution.model.digest import Digest
from docker_registry.settings import Auth, Settings
from docker_registry.settings import Limits as LimitSettings
from tests.distribution.auth.test_gate import basic, htpasswd

__all__ = ["htpasswd"]

CONTENT = b"some bytes"
DIGEST = Digest.of(CONTENT)


class Bucket:
    """What the rate has to be like, told the long way."""

    def __init__(self, rate: Fraction, burst: int):
        self.rate, self.burst = rate, burst
        self.tokens, self.at = Fraction(burst), Fraction(0)

    def take(self, now: Fraction, sends: bool) -> Fraction:
        """0, or the seconds until there is a token; who sends something may owe as many as the bucket holds."""
        self.tokens = min(Fraction(self.burst), self.tokens + (now - self.at) * self.rate)
        self.at = now
        needed = 1 - (self.burst if sends else 0)
        if self.tokens < needed:
            return (needed - self.tokens) / self.rate
        self.tokens -= 1
        return Fraction(0)


# Powers of two, with which floats reckon exactly.
RATES = st.sampled_from([Fraction(1, 4), Fraction(1), Fraction(8)])
ARRIVALS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.booleans()), max_size=80)


@given(RATES, st.integers(1, 5), ARRIVALS)
def test_the_rate_is_that_of_a_bucket(rate: Fraction, burst: int, arrivals: list[tuple[int, str, bool]]) -> None:
    now = Fraction(0)
    rates = Rates(float(rate), burst, lambda: float(now))
    buckets = {name: Bucket(rate, burst) for name in "abc"}
    for eighths, name, sends in arrivals:
        now += Fraction(eighths, 8)
        assert rates.wait(name, sends) == float(buckets[name].take(now, sends))


@given(st.lists(st.integers(0, 50), max_size=200))
def test_strangers_cannot_make_it_remember_more(clients: list[int]) -> None:
    rates = Rates(1, 1, lambda: 0.0, entries=10)
    for client in clients:
        rates.wait(str(client))
        assert len(rates) <= 10


def test_who_asked_longest_ago_is_forgotten() -> None:
    rates = Rates(1, 1, lambda: 0.0, entries=2)
    assert [bool(rates.wait(client)) for client in "abca"] == [False, False, False, False]
    assert [bool(rates.wait(client)) for client in "ca"] == [True, True]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=60))
def test_requests_at_once_are_counted_as_on_paper(steps: list[tuple[str, bool, bool]]) -> None:
    limits = Limits(LimitSettings(requests_at_once=3, uploads_at_once=2))
    inside: list[tuple[str, bool, Any]] = []
    for client, sends, comes in steps:
        if comes or not inside:
            mine = [item for item in inside if item[0] == client]
            fits = len(mine) < 3 and (not sends or sum(item[1] for item in mine) < 2)
            try:
                inside.append((client, sends, limits.enter(client, sends)))
                assert fits
            except RegistryError:
                assert not fits
        else:
            inside.pop(0)[2]()


def registry(auth: Auth = Auth(), **limits: Any) -> Client:  # noqa: B008  it cannot be changed
    settings = Settings(secret=b"a secret of the tests", auth=auth, limits=LimitSettings(**limits))
    return Client(Registry(fetch("memory")("/registry", None), settings))


def ask(client: Client, address: str, headers: dict[str, str] | None = None, path: str = "/v2/") -> int:
    return client.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code


SLOW = {"requests_per_second": 0.001, "burst": 2}


def test_a_client_that_asks_too_often_is_told_when_to_come_again() -> None:
    client = registry(**SLOW)
    assert [ask(client, "192.0.2.1") for _ in range(3)] == [200, 200, 429]
    refused = client.get("/v2/", environ_overrides={"REMOTE_ADDR": "192.0.2.1"})
    assert 900 <= int(refused.headers["Retry-After"]) <= 1000
    assert refused.json["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert ask(client, "192.0.2.2") == 200
    # For who looks whether this is up.
    assert ask(client, "192.0.2.1", path="/") == 200


def test_a_network_of_ipv6_is_one_client() -> None:
    client = registry(**SLOW)
    assert [ask(client, f"2001:db8::{number}") for number in range(3)] == [200, 200, 429]
    assert ask(client, "2001:db8:0:1::1") == 200


@pytest.mark.parametrize("address", ["fe80::1%eth0", "", "nonsense", "::ffff:192.0.2.1"])
def test_any_address_is_of_some_client(address: str) -> None:
    assert network_of(network_of(address)) in (network_of(address), "fe80::/64")


def test_who_logged_in_is_counted_by_name_wherever_from(htpasswd: str) -> None:
    client = registry(Auth(htpasswd=htpasswd), **SLOW)
    alice, bob = basic("alice", "alice"), basic("bob", "bob")
    assert [ask(client, f"192.0.2.{number}", alice) for number in range(3)] == [200, 200, 429]
    assert ask(client, "192.0.2.0", bob) == 200
    # Refusals count where they come from, and do not tell whether the name exists.
    assert [ask(client, "192.0.2.9", basic(name, "x")) for name in ("alice", "carol", "alice", "carol")] == [
        401,
        401,
        429,
        429,
    ]


def test_a_request_is_in_flight_until_its_answer_is_taken() -> None:
    client = registry(requests_at_once=2)
    client.post(f"/v2/a/blobs/uploads/?digest={DIGEST}", data=CONTENT)
    path = f"/v2/a/blobs/{DIGEST}"
    answers = [client.get(path, buffered=False) for _ in range(2)]
    assert client.get(path).status_code == 429
    answers[0].close()
    assert client.get(path).status_code == 200
    answers[1].close()


def test_an_upload_that_fails_is_over() -> None:
    client = registry(uploads_at_once=1)
    wrong = Digest.of(b"other")
    for _ in range(3):
        assert client.post(f"/v2/a/blobs/uploads/?digest={wrong}", data=CONTENT).status_code == 400
