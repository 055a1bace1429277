"""Who may come in, in both formats of config file."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from docker_registry.config import classic, distribution
from docker_registry.config.values import Problems
from docker_registry.core.exceptions import ConfigError
from docker_registry.settings import Auth, Header, Immutable, KeystoneDoor, Rule, TokenServer
from tests.config.test_distribution import merged

TOKEN = {"realm": "https://auth/token", "service": "registry", "issuer": "auth", "rootcertbundle": "/certs.pem"}
SERVER = TokenServer("https://auth/token", "registry", "auth", "/certs.pem")


def ours(section: str) -> Auth:
    """What docker-registry's format makes of a section `registry.auth`."""
    flavor = {"storage": "swift", "swift_container": "c", "registry": {"auth": yaml.safe_load(section)}}
    problems = Problems()
    loaded = classic.read({"prod": flavor}, "config.yml", {}, "prod", problems)
    problems.refuse()
    return loaded.settings.auth


def theirs(*paths_and_values: tuple[str, Any], **environ: str) -> Auth:
    problems = Problems()
    loaded = distribution.read(merged(*paths_and_values), "config.yml", environ, problems)
    problems.refuse()
    return loaded.settings.auth


def test_nothing_is_asked_for_by_default() -> None:
    assert theirs() == Auth()
    assert not Auth().is_on


def test_distributions_keys() -> None:
    assert theirs(("auth.htpasswd", {"realm": "here", "path": "/passwd"})) == Auth(realm="here", htpasswd="/passwd")
    assert theirs(*((f"auth.token.{name}", value) for name, value in TOKEN.items())) == Auth(token=SERVER)
    algorithms = theirs(("auth.token", {**TOKEN, "signingalgorithms": ["ES256"]}))
    assert algorithms.token is not None
    assert algorithms.token.algorithms == ("ES256",)


def test_distributions_environment() -> None:
    assert theirs(REGISTRY_AUTH_HTPASSWD_PATH="/passwd", REGISTRY_AUTH_HTPASSWD_REALM="here") == Auth(
        realm="here", htpasswd="/passwd"
    )
    assert theirs(**{f"REGISTRY_AUTH_TOKEN_{name.upper()}": value for name, value in TOKEN.items()}).token == SERVER
    assert theirs(REGISTRY_AUTH="{htpasswd: {realm: here, path: /passwd}}").htpasswd == "/passwd"


SECTION = """
htpasswd: /passwd
robots: true
revoked: [r0123456789a]
policy:
- {who: anonymous, repositories: public/**, may: pull}
- {who: ["user:alice", "robot:ci-*"], repositories: [team/**, shared], may: [pull, push]}
- {who: "*", may: pull}
- {who: "group:operators", may: admin}
immutable:
- {repositories: prod/**, tags: "v*"}
"""
EXPECTED = Auth(
    htpasswd="/passwd",
    robots=True,
    revoked=("r0123456789a",),
    policy=(
        Rule(("anonymous",), ("public/**",), ("pull",)),
        Rule(("user:alice", "robot:ci-*"), ("team/**", "shared"), ("pull", "push")),
        Rule(("*",), ("**",), ("pull",)),
        Rule(("group:operators",), ("**",), ("admin",)),
    ),
    immutable=(Immutable(("prod/**",), ("v*",)),),
)


def test_groups_and_own_tokens() -> None:
    token = "{realm: r, service: s, issuer: i, jwks: /jwks, groups: teams}"
    assert ours(f"token: {token}").token.groups == "teams"  # type: ignore[union-attr]
    keystone = ours("keystone: {url: 'http://keystone:5000/v3', groups: true, own_token: true}").keystone
    assert keystone == KeystoneDoor("http://keystone:5000/v3", groups=True, acts_for_callers=True)


def test_keystone() -> None:
    assert ours("{keystone: {url: 'https://k:5000/v3/'}}").keystone == KeystoneDoor("https://k:5000/v3")
    section = "{url: 'https://k/v3', cacert: /ca, prefix: 'os-{project_name}', domain: Default, policy: /policy.yaml}"
    expected = KeystoneDoor("https://k/v3", "/ca", "os-{project_name}", "Default", "/policy.yaml")
    assert ours(f"{{keystone: {section}}}").keystone == expected


def test_the_section_of_our_own_in_both_formats() -> None:
    assert ours(SECTION) == EXPECTED
    assert theirs(("registry.auth", yaml.safe_load(SECTION))) == EXPECTED
    assert ours(yaml.safe_dump({"token": TOKEN})).token == SERVER


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ("{htpaswd: /passwd}", "unknown option htpaswd; did you mean htpasswd?"),
        ("{policy: {who: me}}", "auth: policy: must be a list"),
        ("{robots: true, policy: [{may: pull}]}", "policy, item 1: who: is missing"),
        ("{robots: true, policy: [{who: '*'}]}", "policy, item 1: may: is missing"),
        ("{robots: true, policy: [{who: alice, may: pull}]}", "who: 'alice' must be anonymous, user:NAME"),
        (
            "{robots: true, policy: [{who: '*', may: [pull, write]}]}",
            "may: 'write' must be one of pull, push, delete, admin",
        ),
        ("{robots: true, policy: [{who: '*', may: pull, repositories: a//b}]}", "'a//b' must have no empty part"),
        ("{robots: true, policy: [{who: '*', may: pull, repository: a}]}", "unknown option repository; did you mean"),
        (
            "{policy: [{who: '*', may: pull}]}",
            "policy: nobody can log in; add htpasswd, token, keystone, certificates",
        ),
        ("{robots: true, policy: []}", "auth: policy: has no rule, and without one whoever logs in may do everything"),
        ("{robots: true, policy: }", "auth: policy: has no rule"),
        ("{robots: true, policy: [{who: '*', may: pull, repositories: }]}", "item 1: repositories: names none"),
        ("{robots: true, policy: [{who: '*', may: pull, repositories: []}]}", "item 1: repositories: names none"),
        ("{immutable: [{tags: 'a**'}]}", "'a**' must have ** only as a whole part"),
        ("{token: {realm: x}}", "auth, token: service: is missing"),
        ("{token: {realm: x, service: y, issuer: z}}", "rootcertbundle: is missing, and jwks too"),
        ("{token: {realm: x, service: y, issuer: z, jwks: f, autoredirect: true}}", "autoredirect: is not supported"),
        ("{token: {realm: x, service: y, issuer: z, jwks: 'http://auth.example.org/keys'}}", "or a URL with https"),
        ("{keystone: {url: 'http://k/v2.0'}}", "auth, keystone: url: must end in /v3"),
        ("{keystone: {url: 'http://k/v3', prefix: '{project_name}'}}", "projects of two domains may have one name"),
        ("{keystone: {url: 'http://k/v3', prefix: images}}", "'images' must have one of {domain_id}"),
        ("{keystone: {url: 'http://k/v3', prefix: '{domain_name}{project_name}'}}", "in a part, and name the project"),
        ("{keystone: {url: 'http://k/v3', prefix: '{user}/{project_id}'}}", "must have one of {domain_id}"),
        ("{htpasswd: f, keystone: {url: 'http://k/v3'}}", "has htpasswd and keystone; choose one"),
        ("{htpasswd: f, token: {realm: x, service: y, issuer: z, jwks: f}}", "has htpasswd and token; choose one"),
        ("{}", "auth: asks for no login: add htpasswd"),
        ("{robots: false}", "auth: asks for no login: add htpasswd"),
        ("null", "auth: asks for no login: add htpasswd"),
        ("{robots: true, revoked: 012345670123}", "'1402433619' is not the id of a robot's password"),
        ("{robots: true, policy: [{who: '*', may: push}]}", "may: pushing needs pull too"),
        ("{robots: true, policy: [{who: '*', may: pull, repositories: A b}]}", "'A b' can match no name"),
        ("{robots: true, immutable: [{tags: '-v*'}]}", "'-v*' can match no name"),
        ("[]", "must be a mapping"),
    ],
)
def test_mistakes(section: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        ours(section)
    assert complaint in str(wrong.value)
    assert "\n" not in str(wrong.value)


MORE = """
robots: true
header: {user: X-Remote-User, groups: X-Remote-Groups}
groups: {devs: ["user:alice", "certificate:build"], ops: "user:bob"}
read_only: [archive/**]
policy:
- {who: ["group:devs", "certificate:*"], may: pull}
"""


def with_proxy(section: str) -> Auth:
    flavor = {
        "storage": "swift",
        "swift_container": "c",
        "registry": {"auth": yaml.safe_load(section), "trusted_proxies": "127.0.0.1"},
    }
    problems = Problems()
    loaded = classic.read({"prod": flavor}, "config.yml", {}, "prod", problems)
    problems.refuse()
    return loaded.settings.auth


def test_headers_groups_and_what_is_read_only_in_both_formats() -> None:
    expected = Auth(
        robots=True,
        header=Header("X-Remote-User", "X-Remote-Groups"),
        groups=(("devs", ("user:alice", "certificate:build")), ("ops", ("user:bob",))),
        read_only=("archive/**",),
        policy=(Rule(("group:devs", "certificate:*"), ("**",), ("pull",)),),
    )
    assert with_proxy(MORE) == expected
    assert theirs(("registry", {"auth": yaml.safe_load(MORE), "trustedproxies": ["127.0.0.1"]})) == expected
    tls = ("http.tls", {"certificate": "/c", "key": "/k", "clientcas": ["/ca"]})
    assert theirs(tls, ("registry", {"auth": {"certificates": True}})).certificates


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ("certificates: true", "certificates: needs the client's authorities"),
        ("header: {user: X-Remote-User}", "header: needs a proxy that is believed"),
        ("header: {groups: X-Groups}", "header: user: is missing"),
        ("header: {user: Authorization}", "user: must be the name of a header"),
        ("{robots: true, groups: {devs: [alice]}}", "'alice' in devs must be user:NAME"),
        ("{robots: true, groups: [devs]}", "groups: must be a mapping"),
        ("{robots: true, read_only: ['Archive']}", "'Archive' can match no name"),
    ],
)
def test_what_does_not_fit_together(section: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        ours(section)


@pytest.mark.parametrize(
    "auth",
    [
        {"htpasswd": None},
        {"htpasswd": {}},
        {"htpasswd": {"realm": "x"}},
        {"htpasswd": {"realm": "x", "path": None}},
        {"htpasswd": {"realm": "x", "path": ""}},
        {"token": None},
        {"token": {"realm": None, "service": None, "issuer": None, "rootcertbundle": None}},
        {"htpasswd": None, "token": None},
        "htpasswd",
    ],
)
def test_a_login_that_is_left_blank_in_distributions_file_does_not_let_everybody_in(auth: Any) -> None:
    with pytest.raises(ConfigError, match=r"auth: .*asks for no login: set htpasswd\.path or token, or remove it"):
        theirs(("auth", auth))


def test_a_blank_path_in_the_environment_does_not_either() -> None:
    with pytest.raises(ConfigError, match=r"auth: .*asks for no login"):
        theirs(("auth", {"htpasswd": {"realm": "x", "path": "/passwd"}}), REGISTRY_AUTH_HTPASSWD_PATH="")


def test_a_policy_without_rules_in_distributions_file_is_told_once() -> None:
    with pytest.raises(ConfigError) as error:
        theirs(("auth.htpasswd", {"realm": "x", "path": "/passwd"}), ("registry.auth", {"policy": []}))
    assert "policy: has no rule" in str(error.value)
    assert "asks for no login" not in str(error.value)
