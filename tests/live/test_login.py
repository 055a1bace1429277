"""Logins from outside: clients that nobody here wrote, and Distribution 2.8 on the same config."""

from __future__ import annotations

import base64
import http.client
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from click.testing import CliRunner

from docker_registry.commands.check import check
from docker_registry.commands.robot import robot
from docker_registry.embedded import EmbeddedSwift
from tests.distribution.auth.issuer import Issuer, access
from tests.live.clients import host, run
from tests.live.distribution2 import Distribution2, storage
from tests.live.images import Layout, file_layer
from tests.live.mirror import Mirror
from tests.live.ours import Ours
from tests.live.token_server import TokenService
from tests.peers import need, program

DIGEST = "sha256:" + "0" * 64
REQUESTS = [
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", "/v2/team/app/tags/list"),
    ("GET", "/v2/team/app/manifests/latest"),
    ("HEAD", f"/v2/team/app/blobs/{DIGEST}"),
    ("POST", "/v2/team/app/blobs/uploads/"),
    ("DELETE", f"/v2/team/app/manifests/{DIGEST}"),
    ("GET", "/v2/other/app/manifests/latest"),
]


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def ask(url: str, method: str, path: str, authorization: str | None) -> tuple[int, dict[str, str]]:
    """Status, and the parts of the challenge if there is one."""
    connection = http.client.HTTPConnection(host(url), timeout=30)
    connection.request(method, path, headers={"Authorization": authorization} if authorization else {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    scheme, _, fields = answer.getheader("WWW-Authenticate", "").partition(" ")
    parts = dict(item.partition("=")[::2] for item in fields.split('",') if item)
    challenge = {name: value.strip('"') for name, value in parts.items()}
    if "scope" in challenge:  # in Distribution the actions come in any order
        thing, _, actions = challenge["scope"].rpartition(":")
        challenge["scope"] = f"{thing}:{','.join(sorted(actions.split(',')))}"
    return answer.status, {"scheme": scheme, **challenge}


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "htpasswd"
    file.write_text(f"alice:{bcrypt.hashpw(b'alice', bcrypt.gensalt(4)).decode()}\n")
    return file


def token_section(issuer: Issuer, realm: str) -> dict[str, str]:
    return {"realm": realm, "service": "registry", "issuer": "auth", "rootcertbundle": str(issuer.bundle)}


@contextmanager
def both(tmp_path: Path, swift: EmbeddedSwift, auth: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Addresses of Distribution and of this registry, with the same section `auth`, on one container."""
    need("docker-registry")
    environ = {f"REGISTRY_AUTH_{name.upper()}": json.dumps(value) for name, value in auth.items()}
    theirs = Distribution2(tmp_path, storage(swift, f"login-{tmp_path.name}"), environ=environ)
    with theirs, Ours(tmp_path, theirs.config, environ={**os.environ, **environ}) as ours:
        yield theirs.url, ours.url


def test_htpasswd_as_in_distribution(tmp_path: Path, swift: EmbeddedSwift, passwords: Path) -> None:
    people = [basic("alice", "alice"), basic("alice", "wrong"), basic("bob", "bob")]
    with both(tmp_path, swift, {"htpasswd": {"realm": "here", "path": str(passwords)}}) as (theirs, ours):
        for method, path in REQUESTS:
            for credential in [None, *people, "Bearer x", "Basic !"]:
                assert ask(ours, method, path, credential) == ask(theirs, method, path, credential), (path, credential)


def test_tokens_as_in_distribution(tmp_path: Path, swift: EmbeddedSwift) -> None:
    issuer = Issuer(tmp_path)

    def bearer(*accesses: dict[str, Any], **claims: Any) -> str:
        return "Bearer " + issuer.token(*accesses, header={"kid": issuer.key_id}, **claims)

    credentials = [
        None,
        bearer(),
        bearer(access("team/app", "pull")),
        bearer(access("team/app", "pull", "push", "delete")),
        bearer(access("team/app", "*")),
        bearer(access("catalog", "*", type="registry")),
        bearer(access("other/app", "pull")),  # 2.8.2 takes no list in `aud`, its successors do
        bearer(access("team/app", "pull"), aud="another"),
        bearer(access("team/app", "pull"), iss="another"),
        bearer(access("team/app", "pull"), exp=1000),
        basic("alice", "alice"),
        "Bearer nonsense",
    ]
    with both(tmp_path, swift, {"token": token_section(issuer, "http://auth/token")}) as (theirs, ours):
        for method, path in REQUESTS:
            for number, credential in enumerate(credentials):
                expected = ask(theirs, method, path, credential)
                assert ask(ours, method, path, credential) == expected, (method, path, number)


@pytest.fixture
def image(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "image")
    layout.add_image("1.0", [file_layer("login", 1000)])
    return layout


def config(tmp_path: Path, swift: EmbeddedSwift, **auth: Any) -> Path:
    path = tmp_path / "config.yml"
    options = swift.options(swift_container=f"login-{tmp_path.name}")
    path.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": {"auth": auth}}}))
    return path


def skopeo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("skopeo") or "skopeo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def copy(image: Layout, url: str, name: str, credential: str) -> bool:
    options = ["--quiet", "--dest-tls-verify=false", "--dest-creds", credential]
    return skopeo("copy", *options, image.reference("1.0"), f"docker://{host(url)}/{name}").returncode == 0


def inspect(url: str, name: str, *options: str) -> bool:
    return skopeo("inspect", "--raw", "--tls-verify=false", *options, f"docker://{host(url)}/{name}").returncode == 0


def log_in(url: str, password: str, authfile: Path) -> str:
    """What skopeo says of a password of alice; "" when it is right."""
    options = ["--tls-verify=false", "--authfile", str(authfile), "-u", "alice", "-p", password]
    return skopeo("login", *options, host(url)).stderr


def robot_password(file: Path, name: str, *grants: str) -> str:
    """As its owner makes it."""
    command = [sys.executable, "-m", "docker_registry.cli", "robot", "create", "--config", str(file), "--name", name]
    allow = [option for grant in grants for option in ("--allow", grant)]
    return subprocess.run([*command, *allow], capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.parametrize("content", ["", "alice:$apr1$x$y\n"])
def test_check_names_a_file_by_which_nobody_can_log_in(tmp_path: Path, swift: EmbeddedSwift, content: str) -> None:
    file = tmp_path / "htpasswd"
    file.write_text(content)
    done = CliRunner().invoke(check, ["--config", str(config(tmp_path, swift, htpasswd=str(file)))])
    assert done.exit_code == 1
    assert f"{file} has no bcrypt hash" in " ".join(done.output.split())


def test_a_grant_that_can_match_no_name_is_refused(tmp_path: Path, swift: EmbeddedSwift) -> None:
    options = ["--config", str(config(tmp_path, swift, robots=True)), "--name", "deploy", "--allow", "CI/**:pull"]
    done = CliRunner().invoke(robot, ["create", *options])
    assert done.exit_code == 2
    assert "'CI/**' can match no name" in done.output


def test_the_end_of_a_robots_password_has_its_unit_and_is_not_too_far(tmp_path: Path, swift: EmbeddedSwift) -> None:
    options = ["--config", str(config(tmp_path, swift, robots=True)), "--name", "deploy", "--allow", "ci/**:pull"]
    for expires, complaint in (
        ("90", "must be a time with its unit"),
        ("90d", ""),
        ("0d", "must be 1 second or more"),
        ("3650d", ""),
        ("3651d", "must be at most 3650d"),
        ("999999999999d", "must be 36500d or less"),
    ):
        done = CliRunner().invoke(robot, ["create", *options, "--expires", expires])
        assert (done.exit_code == 0) == (not complaint), done.output
        assert complaint in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("ci deploy", "a name has letters, digits and . _ -"),
        ("token", "token is what users of Keystone log in as, choose another"),
        ("applicationcredential-1", "applicationcredential-1 is what users of Keystone log in as"),
        ("token-ci", ""),
    ],
)
def test_names_of_robots(tmp_path: Path, swift: EmbeddedSwift, name: str, complaint: str) -> None:
    options = ["--config", str(config(tmp_path, swift, robots=True)), "--allow", "ci/**:pull", "--name", name]
    done = CliRunner().invoke(robot, ["create", *options])
    assert (done.exit_code == 0) == (not complaint)
    assert complaint in " ".join(done.output.split())


def test_skopeo_by_password_policy_and_robot(
    tmp_path: Path, swift: EmbeddedSwift, passwords: Path, image: Layout
) -> None:
    need("skopeo")
    policy = [
        {"who": ["anonymous", "*"], "repositories": "public/**", "may": "pull"},
        {"who": "user:alice", "may": ["pull", "push", "delete"]},
        {"who": "robot:*", "repositories": "ci/**", "may": ["pull", "push"]},
    ]
    file = config(tmp_path, swift, htpasswd=str(passwords), robots=True, policy=policy)
    password = robot_password(file, "deploy", "ci/app:pull,push")
    with Ours(tmp_path, file) as ours:
        assert copy(image, ours.url, "public/app:1.0", "alice:alice")
        assert not copy(image, ours.url, "public/app:1.0", "alice:wrong")
        assert copy(image, ours.url, "private/app:1.0", "alice:alice")
        assert copy(image, ours.url, "ci/app:1.0", f"deploy:{password}")
        assert not copy(image, ours.url, "ci/other:1.0", f"deploy:{password}")
        assert not copy(image, ours.url, "ci/app:1.0", f"admin:{password}")
        assert inspect(ours.url, "public/app:1.0", "--no-creds")
        assert not inspect(ours.url, "private/app:1.0", "--no-creds")
        assert inspect(ours.url, "private/app:1.0", "--creds", "alice:alice")
        authfile = tmp_path / "auth.json"
        assert log_in(ours.url, "alice", authfile) == ""
        assert inspect(ours.url, "private/app:1.0", "--authfile", str(authfile))
        assert "invalid username/password" in log_in(ours.url, "no", authfile)
        assert "alice:wrong" not in ours.log
        assert password not in ours.log


def test_a_mirror_of_debian_says_a_password_by_its_url_only(
    tmp_path: Path, swift: EmbeddedSwift, passwords: Path, image: Layout
) -> None:
    """Its `username` and `password` are for token servers; docs/logins.md has what works."""
    need("skopeo", "docker-registry")
    policy = [
        {"who": "anonymous", "repositories": "public/**", "may": "pull"},
        {"who": ["user:alice", "robot:*"], "may": ["pull", "push"]},
    ]
    file = config(tmp_path, swift, htpasswd=str(passwords), robots=True, policy=policy)
    robot = robot_password(file, "mirror", "team/**:pull")
    with Ours(tmp_path, file) as ours:
        for name in ("public/app:1.0", "team/app:1.0"):
            assert copy(image, ours.url, name, "alice:alice")

        def mirrored(number: int, url: str, *login: str) -> list[bool]:
            """Whether what everybody may pull, and what the login may, is pulled through a new mirror."""
            with Mirror(tmp_path / f"mirror-{number}", url, *login) as mirror:
                return [inspect(mirror.url, f"{name}/app:1.0", "--no-creds") for name in ("public", "team")]

        assert mirrored(1, ours.url, "alice", "alice") == [True, False]
        assert mirrored(2, f"http://alice:alice@{host(ours.url)}") == [True, True]
        assert mirrored(3, f"http://mirror:{robot}@{host(ours.url)}") == [False, True]
        assert mirrored(4, f"http://alice:wrong@{host(ours.url)}") == [False, False]


def test_skopeo_by_a_token_server(tmp_path: Path, swift: EmbeddedSwift, image: Layout) -> None:
    need("skopeo")
    issuer = Issuer(tmp_path)
    allowed = {"alice": {"team/app": {"pull", "push"}, "open": {"pull", "push"}}, "": {"open": {"pull"}}}
    tokens = TokenService(issuer, allowed)
    with tokens, Ours(tmp_path, config(tmp_path, swift, token=token_section(issuer, tokens.url))) as ours:
        assert copy(image, ours.url, "team/app:1.0", "alice:alice")
        assert copy(image, ours.url, "open:1.0", "alice:alice")
        assert not copy(image, ours.url, "other/app:1.0", "alice:alice")
        assert inspect(ours.url, "open:1.0", "--no-creds")
        assert not inspect(ours.url, "team/app:1.0", "--no-creds")


def test_podman_logs_in(tmp_path: Path, swift: EmbeddedSwift, passwords: Path, image: Layout) -> None:
    need("skopeo", "podman")
    with Ours(tmp_path, config(tmp_path, swift, htpasswd=str(passwords))) as ours:
        assert copy(image, ours.url, "app:1.0", "alice:alice")
        podman = ["podman", "--storage-driver", "vfs", "--root", str(tmp_path / "root")]
        options = ["--tls-verify=false", "--authfile", str(tmp_path / "auth.json")]
        run(*podman, "login", *options, "-u", "alice", "-p", "alice", host(ours.url))
        run(*podman, "pull", "-q", *options, f"{host(ours.url)}/app:1.0")


@pytest.mark.parametrize(
    ("auth", "complaint"),
    [
        ({"htpasswd": "/nowhere/htpasswd"}, "htpasswd: cannot read /nowhere/htpasswd: No such file"),
        (
            {"token": {"realm": "r", "service": "s", "issuer": "i", "jwks": "/nowhere/jwks"}},
            "auth.token: cannot read /nowhere/jwks: No such file",
        ),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_serves(
    tmp_path: Path, swift: EmbeddedSwift, auth: dict[str, Any], complaint: str
) -> None:
    command = [sys.executable, "-m", "docker_registry.cli", "serve", "--config", str(config(tmp_path, swift, **auth))]
    done = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_skopeo_waits_when_it_is_told_to(tmp_path: Path, swift: EmbeddedSwift, image: Layout) -> None:
    need("skopeo")
    file = tmp_path / "config.yml"
    registry = {"limits": {"requests_per_second": 4, "burst": 4}}
    options = swift.options(swift_container=f"login-{tmp_path.name}")
    file.write_text(json.dumps({"test": {"storage": "swift", **options, "registry": registry}}))
    with Ours(tmp_path, file) as ours:
        assert copy(image, ours.url, "app:1.0", "a:b")
        assert inspect(ours.url, "app:1.0")
        assert '" 429 ' in ours.log


def command(file: Path, *words: str) -> str:
    """What a subcommand of docker-registry-swift prints."""
    arguments = [sys.executable, "-m", "docker_registry.cli", *words, "--config", str(file)]
    return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.parametrize("flavor", [[], ["--flavor", "test"]])
def test_the_command_that_revokes_works_as_it_is_printed(
    tmp_path: Path, swift: EmbeddedSwift, flavor: list[str]
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    file = config(folder, swift, robots=True)
    create = [sys.executable, "-m", "docker_registry.cli", "robot", "create", "--name", "deploy", "--allow", "a:pull"]
    made = subprocess.run(
        [*create, "--config", str(file), *flavor], capture_output=True, text=True, check=True, timeout=60
    )
    program, *words = shlex.split(made.stderr.rpartition("to revoke it: ")[2])
    assert program == "docker-registry-swift"
    revoke = [sys.executable, "-m", "docker_registry.cli", *words]
    revoked = subprocess.run(revoke, capture_output=True, text=True, check=True, timeout=60)
    assert "no password with the id" not in revoked.stderr
    assert "revoked" in command(file, "robot", "list")


def test_robots_are_listed_and_revoked_while_a_registry_runs(
    tmp_path: Path, swift: EmbeddedSwift, image: Layout
) -> None:
    need("skopeo")
    file = config(tmp_path, swift, robots=True)
    password = robot_password(file, "deploy", "ci/**:pull,push")
    listed = command(file, "robot", "list")
    identity, name, *_ = listed.split()
    assert name == "deploy"
    assert "ci/**:pull,push" in listed
    assert password not in listed
    assert "signs, derived from the credentials for Swift; signed 1 robot password, until" in command(file, "secrets")
    (made, key) = (json.loads(command(file, *words, "--json")) for words in (("robot", "list"), ("secrets",)))
    assert (made["id"], made["grants"], made["revoked"]) == (identity, ["ci/**:pull,push"], False)
    assert (key["key"], key["does"], key["robots"], key["until"]) == (made["key"], "signs", 1, made["expires"])
    with Ours(tmp_path, file) as ours:
        assert copy(image, ours.url, "ci/app:1.0", f"deploy:{password}")
        assert f"revoked {identity}" in command(file, "robot", "revoke", identity)
        deadline = time.monotonic() + 60
        while inspect(ours.url, "ci/app:1.0", "--creds", f"deploy:{password}"):
            assert time.monotonic() < deadline
        assert "revoked" in command(file, "robot", "list")
