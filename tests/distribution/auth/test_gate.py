"""The whole registry behind its doors: what each caller gets, and hears if not."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import time
from pathlib import Path

import bcrypt
import pytest
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.app import Registry
from docker_registry.distribution.auth.robots import Grant, Robots
from docker_registry.distribution.auth.told import BY_CERTIFICATE, BY_PROXY, Told
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_INDEX, OCI_MANIFEST
from docker_registry.distribution.storage import robot_book
from docker_registry.settings import Auth, Header, Immutable, Rule, Settings
from tests.distribution.auth.issuer import Issuer, access

SECRET = b"a secret of the tests"
CONTENT = b"some bytes"
DIGEST = Digest.of(CONTENT)


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def registry(auth: Auth) -> Client:
    return Client(Registry(fetch("memory")("/registry", None), Settings(secret=SECRET, auth=auth)))


@pytest.fixture
def htpasswd(tmp_path: Path) -> str:
    file = tmp_path / "htpasswd"
    lines = [f"{name}:{bcrypt.hashpw(name.encode(), bcrypt.gensalt(4)).decode()}" for name in ("alice", "bob")]
    file.write_text("\n".join(lines))
    return str(file)


def push(client: Client, name: str, headers: dict[str, str]) -> int:
    return client.post(f"/v2/{name}/blobs/uploads/?digest={DIGEST}", data=CONTENT, headers=headers).status_code


def pull(client: Client, name: str, headers: dict[str, str] | None = None) -> int:
    return client.get(f"/v2/{name}/blobs/{DIGEST}", headers=headers).status_code


def test_without_doors_everybody_may_do_everything() -> None:
    client = registry(Auth())
    assert client.get("/v2/").status_code == 200
    assert push(client, "a", {}) == 201
    assert pull(client, "a", basic("who", "ever")) == 200


def test_a_name_and_a_password(htpasswd: str) -> None:
    client = registry(Auth(htpasswd=htpasswd, realm="here"))
    for path in ("/v2/", "/v2/_catalog", "/v2/a/tags/list", f"/v2/a/blobs/{DIGEST}"):
        for headers in ({}, basic("alice", "wrong"), basic("carol", "carol"), {"Authorization": "Basic"}, bearer("x")):
            response = client.get(path, headers=headers)
            assert (response.status_code, response.json["errors"][0]["code"]) == (401, "UNAUTHORIZED")
            assert response.headers["WWW-Authenticate"] == 'Basic realm="here"'
    assert client.get("/v2/", headers=basic("alice", "alice")).status_code == 200
    assert push(client, "a", basic("alice", "alice")) == 201
    assert pull(client, "a", basic("bob", "bob")) == 200


def test_every_resource_asks(htpasswd: str) -> None:
    client = registry(Auth(htpasswd=htpasswd))
    paths = [
        "/v2/",
        "/v2/_catalog",
        "/v2/a/tags/list",
        "/v2/a/manifests/latest",
        f"/v2/a/manifests/{DIGEST}",
        f"/v2/a/blobs/{DIGEST}",
        "/v2/a/blobs/uploads/",
        "/v2/a/blobs/uploads/some-id",
        f"/v2/a/referrers/{DIGEST}",
    ]
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            assert client.open(path, method=method).status_code in (401, 405), (method, path)


def test_the_policy(htpasswd: str) -> None:
    rules = (
        Rule(("anonymous", "*"), ("public/**",), ("pull",)),
        Rule(("user:alice",), ("**",), ("pull", "push", "delete")),
        Rule(("*",), ("team/**",), ("pull", "push")),
    )
    client = registry(Auth(htpasswd=htpasswd, policy=rules))
    alice, bob = basic("alice", "alice"), basic("bob", "bob")
    assert [push(client, name, alice) for name in ("public/a", "team/a", "private")] == [201] * 3
    assert [pull(client, name) for name in ("public/a", "team/a", "private")] == [200, 401, 401]
    assert [pull(client, name, bob) for name in ("public/a", "team/a", "private")] == [200, 200, 403]
    assert [push(client, name, bob) for name in ("public/a", "team/a", "private")] == [403, 201, 403]
    denied = client.get(f"/v2/private/blobs/{DIGEST}", headers=bob)
    assert denied.json["errors"][0]["code"] == "DENIED"
    assert denied.json["errors"][0]["message"] == "user bob may not pull private"
    assert client.delete(f"/v2/team/a/blobs/{DIGEST}", headers=bob).status_code == 403
    assert client.delete(f"/v2/team/a/blobs/{DIGEST}", headers=alice).status_code == 202
    # A login is asked for, else no client would ever send a password.
    assert client.get("/v2/").status_code == 401
    assert client.get("/v2/", headers=basic("", "")).status_code == 401


def test_the_catalogue_shows_what_the_caller_may_pull(htpasswd: str) -> None:
    rules = (Rule(("anonymous", "*"), ("public/**",), ("pull",)), Rule(("user:alice",), ("**",), ("pull", "push")))
    client = registry(Auth(htpasswd=htpasswd, policy=rules))
    names = ["a", "public/a", "public/b", "z"]
    for name in names:
        push(client, name, basic("alice", "alice"))

    def catalogue(headers: dict[str, str], query: str = "") -> list[str]:
        return client.get(f"/v2/_catalog{query}", headers=headers).json["repositories"]

    assert catalogue(basic("alice", "alice")) == names
    assert catalogue(basic("bob", "bob")) == ["public/a", "public/b"]
    assert catalogue({}) == ["public/a", "public/b"]
    assert catalogue(basic("bob", "bob"), "?n=1") == ["public/a"]
    assert catalogue(basic("bob", "bob"), "?n=1&last=public/a") == ["public/b"]


@pytest.mark.parametrize("may", [None, ("push",), ("pull",)])
def test_the_catalogue_asks_whom_no_rule_lets_pull(htpasswd: str, tmp_path: Path, may: tuple[str, ...] | None) -> None:
    """The catalogue and any repository's tags agree on who needs a login."""
    rules = [Rule(("user:alice",), ("**",), ("pull",))]
    if may:
        rules.append(Rule(("anonymous",), ("**",), may))
    for auth in (
        Auth(htpasswd=htpasswd, policy=tuple(rules)),
        Auth(token=Issuer(tmp_path).server(), policy=tuple(rules)),
    ):
        client = registry(auth)
        tags, names = client.get("/v2/a/tags/list"), client.get("/v2/_catalog")
        if may == ("pull",):
            assert (tags.status_code, names.status_code, names.json) == (404, 200, {"repositories": []})
            continue
        assert (tags.status_code, names.status_code) == (401, 401)
        assert names.json["errors"][0]["code"] == "UNAUTHORIZED"
        if auth.token:
            assert 'scope="registry:catalog:*"' in names.headers["WWW-Authenticate"]
        else:
            assert client.get("/v2/_catalog", headers=basic("bob", "bob")).json == {"repositories": []}


def test_a_mount_needs_its_source(htpasswd: str) -> None:
    rules = (Rule(("user:alice",), ("**",), ("pull", "push")), Rule(("user:bob",), ("bob/**",), ("pull", "push")))
    client = registry(Auth(htpasswd=htpasswd, policy=rules))
    push(client, "private", basic("alice", "alice"))
    mount = f"/v2/bob/a/blobs/uploads/?mount={DIGEST}&from=private"
    # As if it were not there: the client uploads it.
    assert client.post(mount, headers=basic("bob", "bob")).status_code == 202
    assert pull(client, "bob/a", basic("bob", "bob")) == 404
    assert client.post(mount.replace("bob/a", "alice"), headers=basic("alice", "alice")).status_code == 201


def test_tokens(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    client = registry(Auth(token=issuer.server()))
    refused = client.put("/v2/team/app/manifests/latest", data=b"{}")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].endswith('scope="repository:team/app:pull,push"')
    weak = client.put(
        "/v2/team/app/manifests/latest", data=b"{}", headers=bearer(issuer.token(access("team/app", "pull")))
    )
    assert weak.status_code == 401
    assert weak.headers["WWW-Authenticate"].endswith(',error="insufficient_scope"')
    assert client.get("/v2/", headers=bearer(issuer.token())).status_code == 200
    both = bearer(issuer.token(access("team/app", "pull", "push")))
    assert push(client, "team/app", both) == 201
    assert push(client, "team/other", both) == 401
    assert client.get("/v2/_catalog", headers=both).status_code == 401
    catalogue = client.get("/v2/_catalog", headers=bearer(issuer.token(access("catalog", "*", type="registry"))))
    assert catalogue.json == {"repositories": ["team/app"]}
    assert 'scope="registry:catalog:*"' in client.get("/v2/_catalog").headers["WWW-Authenticate"]


def test_a_password_is_revoked_in_the_storage_while_registries_run(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = fetch("memory")("/registry", None)
    auth = Auth(robots=True, revoked=("r0123456789a",))
    clients = [Client(Registry(driver, Settings(secret=SECRET, auth=auth))) for _ in range(2)]
    identity, password = Robots([SECRET]).create("deploy", [Grant("**", ("pull",))], time.time() + 60)
    robot = basic("deploy", password)
    assert [client.get("/v2/", headers=robot).status_code for client in clients] == [200, 200]
    robot_book.revoke(driver, identity)
    monkeypatch.setattr(robot_book, "BELIEVED", 0.0)  # the time is over
    assert [client.get("/v2/", headers=robot).status_code for client in clients] == [401, 401]


def test_keys_rotate(htpasswd: str) -> None:
    """An upload goes on, and a robot's password counts, while the key that signed them is in the list."""
    driver = fetch("memory")("/registry", None)

    def client(*secrets: bytes) -> Client:
        settings = Settings(secret=secrets[0], former_secrets=secrets[1:], auth=Auth(robots=True, htpasswd=htpasswd))
        return Client(Registry(driver, settings))

    old, both, new = client(b"old"), client(b"new", b"old"), client(b"new")
    _, password = Robots([b"old"]).create("deploy", [Grant("**", ("pull",))], time.time() + 60)
    location = old.post("/v2/a/blobs/uploads/", headers=basic("alice", "alice")).headers["Location"]
    for each, robot, upload in ((both, 200, 202), (new, 401, 404)):
        assert each.get("/v2/", headers=basic("deploy", password)).status_code == robot
        assert each.patch(location, data=CONTENT, headers=basic("alice", "alice")).status_code == upload
    after = both.post("/v2/a/blobs/uploads/", headers=basic("alice", "alice")).headers["Location"]
    assert new.patch(after, data=CONTENT, headers=basic("alice", "alice")).status_code == 202


def told(key: str, name: str, *groups: str) -> dict[str, object]:
    return {key: Told(name, groups)}


def status(client: Client, path: str, environ: dict[str, object], method: str = "GET", **more: object) -> int:
    return client.open(path, method=method, environ_overrides=environ, **more).status_code  # type: ignore[arg-type]


def test_a_certificate_is_a_caller_where_the_settings_say_so() -> None:
    rules = (
        Rule(("certificate:build",), ("ci/**",), ("pull", "push")),
        Rule(("group:auditors",), ("**",), ("pull",)),
    )
    client = registry(Auth(certificates=True, robots=True, policy=rules))
    build, auditor = told(BY_CERTIFICATE, "build"), told(BY_CERTIFICATE, "carol", "auditors")
    upload = f"/v2/ci/app/blobs/uploads/?digest={DIGEST}"
    assert status(client, upload, build, "POST", data=CONTENT) == 201
    assert status(client, upload, auditor, "POST", data=CONTENT) == 403
    assert status(client, f"/v2/ci/app/blobs/{DIGEST}", auditor) == 200
    assert status(client, "/v2/", build) == 200
    # A password that is sent counts, and a wrong one is not made good by a certificate.
    assert status(client, "/v2/", build, headers=basic("deploy", "wrong")) == 401
    assert status(registry(Auth(robots=True)), "/v2/", build) == 401


def test_behind_a_certificate_that_has_ended_no_password_is_looked_at(htpasswd: str) -> None:
    client = registry(Auth(certificates=True, htpasswd=htpasswd))
    for ends, expected in ((time.time() + 60, 200), (time.time() - 1, 401)):
        environ = {BY_CERTIFICATE: Told("build", ends=ends)}
        assert status(client, "/v2/", environ) == expected
        assert status(client, "/v2/", environ, headers=basic("alice", "alice")) == expected


def test_only_certificates_let_nobody_else_in() -> None:
    client = registry(Auth(certificates=True))
    refused = client.get("/v2/")
    assert (refused.status_code, refused.headers.get("WWW-Authenticate")) == (401, None)
    assert client.get("/v2/_catalog").status_code == 401
    assert status(client, "/v2/_catalog", told(BY_CERTIFICATE, "build")) == 200


def test_whom_a_proxy_let_in(htpasswd: str) -> None:
    rules = (Rule(("group:devs",), ("team/**",), ("pull", "push")), Rule(("user:bob",), ("bob/**",), ("pull",)))
    client = registry(Auth(htpasswd=htpasswd, header=Header("X-Remote-User"), policy=rules))
    dev = told(BY_PROXY, "carol", "devs")
    assert status(client, f"/v2/team/a/blobs/uploads/?digest={DIGEST}", dev, "POST", data=CONTENT) == 201
    # The proxy's word counts, whatever password it passed on.
    assert status(client, f"/v2/team/a/blobs/{DIGEST}", dev, headers=basic("bob", "bob")) == 200
    assert status(client, f"/v2/team/a/blobs/{DIGEST}", {}, headers=basic("bob", "bob")) == 403
    assert status(registry(Auth(htpasswd=htpasswd)), "/v2/", dev) == 401


def test_groups_of_the_config_file(htpasswd: str) -> None:
    rules = (Rule(("group:devs",), ("**",), ("pull", "push")),)
    client = registry(Auth(htpasswd=htpasswd, policy=rules, groups=(("devs", ("user:alice",)),)))
    assert push(client, "a", basic("alice", "alice")) == 201
    assert push(client, "a", basic("bob", "bob")) == 403


@pytest.mark.parametrize("login", [True, False])
def test_what_is_read_only_nobody_changes(htpasswd: str, login: bool) -> None:
    auth = Auth(htpasswd=htpasswd if login else "", read_only=("archive/**",))
    client, alice = registry(auth), basic("alice", "alice") if login else {}
    refused = client.post("/v2/archive/a/blobs/uploads/", headers=alice)
    assert (refused.status_code, refused.json["errors"][0]["message"]) == (403, "archive/a is read-only")
    assert client.delete(f"/v2/archive/a/blobs/{DIGEST}", headers=alice).status_code == 403
    assert pull(client, "archive/a", alice) == 404
    assert push(client, "other", alice) == 201
    mount = f"/v2/archive/a/blobs/uploads/?mount={DIGEST}&from=other"
    assert client.post(mount, headers=alice).status_code == 403
    if login:
        assert client.post("/v2/archive/a/blobs/uploads/").status_code == 401


def test_robots_beside_people(htpasswd: str) -> None:
    client = registry(Auth(htpasswd=htpasswd, robots=True))
    _, password = Robots([SECRET]).create("deploy", [Grant("ci/**", ("pull", "push"))], time.time() + 60)
    robot = basic("deploy", password)
    assert push(client, "ci/app", robot) == 201
    assert push(client, "other", robot) == 403
    assert push(client, "other", basic("alice", "alice")) == 201
    assert client.get("/v2/_catalog", headers=robot).json == {"repositories": ["ci/app"]}


def put(client: Client, reference: str, config: bytes, headers: dict[str, str]) -> int:
    """Push a manifest whose config has these bytes."""
    digest = Digest.of(config)
    client.post(f"/v2/prod/app/blobs/uploads/?digest={digest}", data=config, headers=headers)
    blob = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": str(digest), "size": len(config)}
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": blob, "layers": []})
    return client.put(
        f"/v2/prod/app/manifests/{reference}", data=body, headers={**headers, "Content-Type": OCI_MANIFEST}
    ).status_code


def test_immutable_tags(htpasswd: str) -> None:
    client, alice = (
        registry(Auth(htpasswd=htpasswd, immutable=(Immutable(("prod/**",), ("v*",)),))),
        basic("alice", "alice"),
    )
    assert put(client, "v1", b"{}", alice) == 201
    assert put(client, "v1", b"{}", alice) == 201  # the same again moves nothing
    moved = put(client, "v1", b'{"a": 1}', alice)
    assert moved == 403
    assert put(client, "latest", b'{"a": 1}', alice) == put(client, "latest", b"{}", alice) == 201
    digest = client.get("/v2/prod/app/manifests/v1", headers=alice).headers["Docker-Content-Digest"]
    for reference in ("v1", digest):
        refused = client.delete(f"/v2/prod/app/manifests/{reference}", headers=alice)
        assert (refused.status_code, refused.json["errors"][0]["code"]) == (403, "DENIED")
        assert "prod/app:v1 is immutable" in refused.json["errors"][0]["message"]
    config = Digest.of(b"{}")
    assert client.delete(f"/v2/prod/app/blobs/{config}", headers=alice).status_code == 403
    assert client.delete("/v2/prod/app/manifests/latest", headers=alice).status_code == 202
    assert client.delete("/v2/prod/app/manifests/v2", headers=alice).status_code == 404
    assert client.get("/v2/prod/app/tags/list", headers=alice).json["tags"] == ["v1"]


def test_an_immutable_index_keeps_its_children(htpasswd: str) -> None:
    client = registry(Auth(htpasswd=htpasswd, immutable=(Immutable(("prod/**",), ("v*",)),)))
    alice = basic("alice", "alice")
    put(client, "child", b"{}", alice)
    put(client, "other", b'{"a": 1}', alice)
    found = {
        tag: client.get(f"/v2/prod/app/manifests/{tag}", headers=alice).headers["Docker-Content-Digest"]
        for tag in ("child", "other")
    }
    child = {"mediaType": OCI_MANIFEST, "digest": found["child"], "size": 1}
    body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]})
    headers = {**alice, "Content-Type": OCI_INDEX}
    assert client.put("/v2/prod/app/manifests/v2", data=body, headers=headers).status_code == 201
    assert client.delete(f"/v2/prod/app/manifests/{found['child']}", headers=alice).status_code == 403
    assert client.delete(f"/v2/prod/app/manifests/{found['other']}", headers=alice).status_code == 202


def test_an_upload_is_its_starter_s(htpasswd: str) -> None:
    client = registry(Auth(htpasswd=htpasswd))
    location = client.post("/v2/a/blobs/uploads/", headers=basic("alice", "alice")).headers["Location"]
    assert client.patch(location, data=CONTENT, headers=basic("bob", "bob")).status_code == 404
    assert client.patch(location, data=CONTENT, headers=basic("alice", "alice")).status_code == 202


def test_deeds_are_written_down(htpasswd: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "docker_registry.audit")
    client, alice = registry(Auth(htpasswd=htpasswd)), basic("alice", "alice")
    put(client, "v1", b"{}", alice)
    client.delete("/v2/prod/app/manifests/v1", headers=alice)
    lines, rule = audited(caplog), "(rule: the htpasswd file)"
    assert lines[0] == f"user alice from : logged in {rule}"
    assert lines[1] == f"user alice from None: pushed the blob prod/app@{Digest.of(b'{}')} {rule}"
    assert lines[2].startswith("user alice from None: pushed prod/app@sha256:")
    assert lines[2].endswith(f", prod/app:v1 {rule}")
    assert lines[3:] == [f"user alice from None: deleted prod/app:v1 {rule}"]


def audited(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "docker_registry.audit"]


def rules_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Which rule each line of the audit names, one after the other."""
    found = [re.search(r"\(rule: ([^)]*)\)", line) for line in audited(caplog)]
    caplog.clear()
    return [match[1] if match else "" for match in found]


def test_each_line_names_the_rule_that_decided(htpasswd: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "docker_registry.audit")
    rules = (
        Rule(("anonymous",), ("public/**",), ("pull",)),
        Rule(("user:alice", "robot:ci"), ("**",), ("pull", "push", "delete")),
        Rule(("*",), ("team/**",), ("pull", "push")),
    )
    fixed, still = (Immutable(("prod/**",), ("v*",)),), ("archive/**",)
    client = registry(Auth(htpasswd=htpasswd, robots=True, policy=rules, immutable=fixed, read_only=still))
    alice, bob, nobody = basic("alice", "alice"), basic("bob", "bob"), basic("bob", "wrong")
    identity, password = Robots([SECRET]).create("ci", [Grant("ci/**", ("pull", "push"))], time.time() + 60)
    robot, by_password = basic("ci", password), f"the robot's password {identity}"
    deeds = [
        (lambda: push(client, "team/a", bob), 201, ["the htpasswd file", "policy 3"]),
        (lambda: push(client, "private", bob), 403, ["no rule of the policy allows it"]),
        (lambda: push(client, "private", nobody), 401, ["the credential"]),
        (lambda: push(client, "ci/a", robot), 201, [by_password, "policy 2"]),
        (lambda: push(client, "team/a", robot), 403, [by_password]),
        (lambda: push(client, "archive/a", alice), 403, ["the htpasswd file", "read_only"]),
        (lambda: push(client, "prod/a", alice), 201, ["policy 2"]),
        (lambda: client.delete(f"/v2/prod/a/blobs/{DIGEST}", headers=alice).status_code, 403, ["immutable"]),
        (lambda: client.delete(f"/v2/team/a/blobs/{DIGEST}", headers=alice).status_code, 202, ["policy 2"]),
    ]
    for number, (deed, status, said) in enumerate(deeds):
        assert (deed(), rules_of(caplog)) == (status, said), number
    issuer = Issuer(tmp_path)
    client = registry(Auth(token=issuer.server()))
    token = bearer(issuer.token(access("a", "pull", "push")))
    assert (push(client, "a", token), rules_of(caplog)) == (201, ["the token's access"] * 2)
    assert (push(client, "b", token), rules_of(caplog)) == (401, ["the token's access"])
    assert (push(registry(Auth()), "a", {}), rules_of(caplog)) == (201, ["no login is asked for"])


def test_a_token_with_groups_needs_the_table_too(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path)
    rules = (Rule(("group:devs",), ("team/**",), ("pull", "push")), Rule(("user:carol",), ("**",), ("pull",)))

    def outcomes(client: Client, **claims: object) -> list[int]:
        grants = [access(name, "pull", "push") for name in ("team/a", "ops/a")]
        token = bearer(issuer.token(*grants, access("catalog", "*", type="registry"), **claims))
        names = client.get("/v2/_catalog", headers=token).json["repositories"]
        return [push(client, "team/a", token), push(client, "ops/a", token), pull(client, "ops/a", token), len(names)]

    client = registry(Auth(token=issuer.server(groups="teams"), policy=rules))
    assert outcomes(client, teams=["devs", "others"]) == [201, 403, 403, 0]
    assert outcomes(client, teams=["others"], sub="carol") == [403, 403, 404, 1]
    for wrong in ({"groups": ["devs"]}, {"teams": "devs"}, {"teams": {"devs": 1}}, {"teams": [["devs"]]}, {}):
        assert outcomes(client, **wrong) == [403, 403, 403, 0], wrong
    token = bearer(issuer.token(teams=["devs"]))
    assert push(client, "team/a", token) == 401  # the table widens nothing
    # Without the claim's name, what the token server says is all that counts.
    assert outcomes(registry(Auth(token=issuer.server(), policy=rules)), teams=["devs"]) == [201, 201, 200, 0]


def test_refusals_are_written_down_without_secrets(htpasswd: str, caplog: pytest.LogCaptureFixture) -> None:
    rules = (Rule(("user:alice",), ("**",), ("pull",)),)
    client = registry(Auth(htpasswd=htpasswd, policy=rules))
    client.get("/v2/", headers=basic("alice", "hunter2"))
    push(client, "a", basic("alice", "alice"))
    lines = audited(caplog)
    assert "wrong name or password, given as 'alice'" in lines[0]
    assert lines[1] == (
        "user alice from None: may not push a (rule: no rule of the policy allows it) (POST /v2/a/blobs/uploads/)"
    )
    assert "hunter2" not in caplog.text


def test_nothing_that_is_shown_has_a_secret(htpasswd: str) -> None:
    settings = Settings(secret=SECRET, auth=Auth(htpasswd=htpasswd, robots=True))
    assert "secret of the tests" not in repr(settings) + json.dumps(dataclasses.asdict(settings.auth))
