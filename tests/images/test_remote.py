"""Copies from another registry, a real one over a socket that can be told to lie."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from werkzeug.wrappers import Request, Response

from docker_registry.core.driver import fetch
from docker_registry.core.exceptions import UsageError
from docker_registry.distribution.errors import RegistryError
from docker_registry.images.copying import Attached, copy
from docker_registry.images.inside import Inside
from docker_registry.images.places import Repository
from docker_registry.images.remote import Remote, parse_address
from docker_registry.images.remote_login import Password, find_password, parse_password
from docker_registry.settings import Settings
from tests.distribution.contents import image, index, subject_of
from tests.images.serving import PASSWORD, Served, serving
from tests.images.test_copying import content, digest_of, push, put
from tests.live.identity.tls import Certificate, TlsFront
from tests.live.images import INDEX, MANIFEST

NAME = "team/app"
LARGE = bytes(range(256)) * 4096  # 1 MiB


def new() -> Inside:
    return Inside(Settings(storage="memory"), [fetch("memory")("/registry", None)])


@pytest.fixture
def other() -> Iterator[Served]:
    with serving(new()) as served:
        yield served


@pytest.fixture
def here() -> Repository:
    return Repository(new(), "copy/app")


def remote(other: Served, password: Password | None = None) -> Remote:
    return Remote(parse_address(f"{other.host}/{NAME}"), password, plain=True)


def test_an_image_arrives_as_it_was(other: Served, here: Repository) -> None:
    bodies = [push(other.registry, NAME, f"single-{number}", b"base", b"%d" % number) for number in range(3)]
    put(other.registry, NAME, "all", index(*bodies), INDEX)
    for tag in remote(other).tags():
        copy(remote(other), here, tag, [tag])
    source = Repository(other.registry, NAME)
    assert here.tags() == source.tags() == ["all", "single-0", "single-1", "single-2"]
    assert all(content(here, tag) == content(source, tag) for tag in source.tags())


def test_what_is_there_is_not_fetched_again(other: Served, here: Repository) -> None:
    push(other.registry, NAME, "1", b"a", b"b")
    push(other.registry, NAME, "2", b"a", b"c")
    copy(remote(other), here, "1", ["1"])
    other.seen.clear()
    copy(remote(other), here, "2", ["2"])
    copy(remote(other), here, "2", ["2"])
    assert [path for path in other.paths() if "/blobs/" in path] == [f"/v2/{NAME}/blobs/{digest_of(b'c')}"]


def test_what_is_attached_comes_along_when_asked(other: Served, here: Repository) -> None:
    body = push(other.registry, NAME, "1", b"a")
    signature = image(b"a", subject=subject_of(body), artifactType="application/x-signature")
    put(other.registry, NAME, digest_of(signature), signature, MANIFEST)
    about_it = image(b"a", subject=subject_of(signature), artifactType="application/x-note")
    put(other.registry, NAME, digest_of(about_it), about_it, MANIFEST)
    cosign = f"sha256-{digest_of(body).hex}.sig"
    push(other.registry, NAME, cosign, b"signed")
    copy(remote(other), here, "1", ["1"])
    assert here.referrers(digest_of(body)) == []
    copy(remote(other), here, "1", ["1"], attached=Attached(remote(other)))
    assert here.referrers(digest_of(body)) == [digest_of(signature)]
    assert here.referrers(digest_of(signature)) == [digest_of(about_it)]
    assert here.tags() == ["1", cosign]


def test_a_registry_without_the_referrers_api_lists_them_under_a_tag(other: Served, here: Repository) -> None:
    body = push(other.registry, NAME, "1", b"a")
    signature = image(b"a", subject=subject_of(body))
    put(other.registry, NAME, digest_of(signature), signature, MANIFEST)
    put(other.registry, NAME, f"sha256-{digest_of(body).hex}", index(signature), INDEX)
    other.change = lambda request, answer: Response(status=404) if "/referrers/" in request.path else answer
    copy(remote(other), here, "1", ["1"], attached=Attached(remote(other)))
    assert here.referrers(digest_of(body)) == [digest_of(signature)]


@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_other_bytes_are_never_taken(other: Served, here: Repository, what: str) -> None:
    body = push(other.registry, NAME, "1", b"good")
    layer = str(digest_of(b"good"))

    def lie(request: Request, answer: Response) -> Response:
        if what == "manifests" and f"/manifests/{digest_of(body)}" in request.path:
            answer.set_data(body.replace(layer.encode(), str(digest_of(b"evil")).encode()))
        if what == "blobs" and layer in request.path:
            answer.set_data(b"evil")
        return answer

    other.change = lie
    push(here.registry, here.name, "before", b"a")
    with pytest.raises(UsageError, match=f"^{other.host}/{NAME}: .*(another digest|other bytes)"):
        copy(remote(other), here, str(digest_of(body)), ["1"])
    assert here.tags() == ["before"]
    assert not here.has_blob(digest_of(b"good"))


def test_a_body_that_breaks_is_gone_on_with(other: Served, here: Repository) -> None:
    push(other.registry, NAME, "1", LARGE)

    def cut(request: Request, answer: Response) -> Response:
        if str(digest_of(LARGE)) in request.path and request.headers.get("Range") in (None, "bytes=300000-"):
            data = answer.get_data()
            answer.response = [data[:300_000]]
            answer.headers["Content-Length"] = str(len(data))
            answer.headers["Connection"] = "close"
        return answer

    other.change = cut
    copy(remote(other), here, "1", ["1"])
    ranges = [headers.get("Range") for path, headers in other.seen if str(digest_of(LARGE)) in path]
    assert ranges == [None, "bytes=300000-", "bytes=600000-"]
    assert digest_of(LARGE) in content(here, "1")


def test_a_body_that_always_breaks_ends(other: Served, here: Repository) -> None:
    push(other.registry, NAME, "1", LARGE)

    def cut(request: Request, answer: Response) -> Response:
        if str(digest_of(LARGE)) in request.path:
            size = len(answer.get_data())
            answer.response = []
            answer.headers["Content-Length"] = str(size)
            answer.headers["Connection"] = "close"
        return answer

    other.change = cut
    with pytest.raises(UsageError, match=f"{other.host}: the answer broke") as caught:
        copy(remote(other), here, "1", ["1"])
    assert "\n" not in str(caught.value)
    assert here.tags() == []


def test_a_token_is_asked_for_with_the_password(other: Served, here: Repository) -> None:
    push(other.registry, NAME, "1", b"a", b"b", b"c")
    other.wants_token = True
    copy(remote(other, parse_password(PASSWORD)), here, "1", ["1"])
    assert here.tags() == ["1"]
    assert other.paths().count("/token") == 1


def test_a_wrong_password_is_told_without_it(other: Served, here: Repository) -> None:
    other.wants_token = True
    with pytest.raises(UsageError, match="no token as alice: 401") as caught:
        copy(remote(other, Password("alice", "guessed")), here, "1", ["1"])
    assert "guessed" not in str(caught.value)
    assert "guessed" not in repr(Password("alice", "guessed"))


@pytest.mark.parametrize(
    ("status", "password", "advice"),
    [
        (401, None, "give --src-creds, or log in with skopeo login"),
        (403, None, "give --src-creds, or log in with skopeo login"),
        (401, "alice:guessed", "the login as alice was refused; check --src-creds, or log in anew with skopeo login"),
        (403, "alice:guessed", "alice may not read it"),
        (404, "alice:guessed", f"there is no repository HOST/{NAME}"),
    ],
)
def test_a_refusal_says_what_to_do(other: Served, status: int, password: str | None, advice: str) -> None:
    def refuse(request: Request, _: Response) -> Response:
        answered = status if "Authorization" in request.headers or not password else 401
        return Response(status=answered, headers={"WWW-Authenticate": 'Basic realm="r"'})

    other.change = refuse
    with pytest.raises(UsageError) as caught:
        remote(other, parse_password(password) if password else None).tags()
    assert str(caught.value).endswith(advice.replace("HOST", other.host))
    assert "guessed" not in str(caught.value)


def test_a_login_does_not_go_where_a_blob_is_redirected_to(other: Served, here: Repository) -> None:
    push(other.registry, NAME, "1", b"a")
    other.wants_token = True
    with serving(other.registry) as storage:
        elsewhere = storage.url.replace("127.0.0.1", "localhost")

        def redirect(request: Request, answer: Response) -> Response:
            if "/blobs/" in request.path:
                return Response(status=307, headers={"Location": elsewhere + request.path})
            return answer

        other.change = redirect
        copy(remote(other, parse_password(PASSWORD)), here, "1", ["1"])
        assert len(storage.seen) == 2
        assert not any("Authorization" in headers for _, headers in storage.seen)


def test_a_busy_registry_is_asked_again(other: Served, here: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    push(other.registry, NAME, "1", b"a")
    slept: list[float] = []
    monkeypatch.setattr("docker_registry.images.remote.time.sleep", slept.append)
    refused: set[str] = set()

    def busy(request: Request, answer: Response) -> Response:
        if request.path in refused:
            return answer
        refused.add(request.path)
        return Response(status=429, headers={"Retry-After": "7" if "/blobs/" in request.path else "soon"})

    other.change = busy
    copy(remote(other), here, "1", ["1"])
    assert here.tags() == ["1"]
    assert sorted(slept) == [1.0, 7.0, 7.0]
    other.change = lambda *_: Response(status=503, headers={"Retry-After": "9" * 30})
    with pytest.raises(UsageError, match="503"):
        remote(other).tags()
    assert max(slept) == 60.0


def test_lists_end(other: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    push(other.registry, NAME, "1", b"a")

    def more(link: str) -> None:
        def change(request: Request, answer: Response) -> Response:
            answer.headers["Link"] = f'<{link}>; rel="next"'
            return answer

        other.change = change

    more("http://192.0.2.1/v2/x/tags/list")
    with pytest.raises(UsageError, match="another server"):
        remote(other).tags()
    more(f"/v2/{NAME}/tags/list?last=0")
    monkeypatch.setattr("docker_registry.images.remote._PAGES", 5)
    with pytest.raises(UsageError, match="does not end"):
        remote(other).tags()


@pytest.mark.parametrize("answer", [b"", b"[]", b"{", b'"tags"', b"[" * 100_000])
def test_what_is_no_list_is_told_in_a_line(other: Served, answer: bytes) -> None:
    other.change = lambda *_: Response(answer)
    with pytest.raises(UsageError) as caught:
        remote(other).tags()
    assert "\n" not in str(caught.value)


def test_what_cannot_be_reached_is_told(here: Repository) -> None:
    with pytest.raises(UsageError, match=r"^127\.0\.0\.1:1 cannot be reached: .*Connection refused$"):
        copy(Remote(parse_address("127.0.0.1:1/a"), plain=True), here, "1", ["1"])


def test_a_registry_that_asks_for_tls_is_told(other: Served, here: Repository) -> None:
    with pytest.raises(UsageError, match="--src-plain-http"):
        copy(Remote(parse_address(f"{other.host}/a")), here, "1", ["1"])


def test_a_ca_that_is_named_counts_whatever_the_environment_says(
    other: Served, here: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(other.registry, NAME, "1", b"a")
    signer, stranger = Certificate(tmp_path, "signer"), Certificate(tmp_path, "stranger")
    with TlsFront(other.url, signer) as front:
        other.url, other.wants_token = front.url, True  # the token is asked for over TLS too
        address = parse_address(f"{urlsplit(front.url).netloc}/{NAME}")
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(variable, str(stranger.cert))
        copy(Remote(address, parse_password(PASSWORD), cacert=str(signer.cert)), here, "1", ["1"])
        with pytest.raises(UsageError, match="TLS failed"):
            Remote(address).tags()
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(signer.cert))
        assert Remote(address, parse_password(PASSWORD)).tags() == ["1"]


def test_a_file_without_certificates_is_named_before_anybody_is_asked(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none here")
    (tmp_path / "folder").mkdir()
    for name, why in (
        ("none.pem", "No such file or directory"),
        ("folder", "Is a directory"),
        ("notes.txt", "it has no certificates in PEM"),
    ):
        with pytest.raises(UsageError, match=f"^--src-cacert {tmp_path / name}: {why}$"):
            Remote(parse_address("127.0.0.1:1/a"), cacert=str(tmp_path / name))


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("ubuntu", ("docker.io", "library/ubuntu", "")),
        ("docker.io/team/app:1", ("docker.io", "team/app", "1")),
        ("team/app:1", ("docker.io", "team/app", "1")),
        ("localhost/app", ("localhost", "app", "")),
        ("[::1]:5000/app:1", ("[::1]:5000", "app", "1")),
        (f"q.io/a@{digest_of(b'')}", ("q.io", "a", str(digest_of(b"")))),
        (f"q.io/a:tag@{digest_of(b'')}", ("q.io", "a", str(digest_of(b"")))),
    ],
)
def test_names_mean_what_they_mean_to_docker(text: str, means: tuple[str, str, str]) -> None:
    assert tuple(parse_address(text)) == means


@pytest.mark.parametrize("text", ["", "q.io/", "q.io/UPPER", "q.io/a:.x", "q.io/a@sha256:1"])
def test_a_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RegistryError):
        parse_address(text)


def auths(**entries: str) -> str:
    return json.dumps(
        {"auths": {name: {"auth": base64.b64encode(text.encode()).decode()} for name, text in entries.items()}}
    )


def test_passwords_come_from_where_docker_and_podman_keep_them(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(
        auths(**{"q.io": "docker:1", "https://index.docker.io/v1/": "hub:2", "q.io/team": "team:3"})
    )
    home = {"HOME": str(tmp_path)}
    assert find_password("q.io", "app", None, home) == ("docker", "1")
    assert find_password("q.io", "team/app", None, home) == ("team", "3")
    assert find_password("docker.io", "library/x", None, home) == ("hub", "2")
    assert find_password("other.io", "app", None, home) is None
    own = tmp_path / "own.json"
    own.write_text(auths(**{"q.io": "own:4"}))
    assert find_password("q.io", "app", None, {**home, "REGISTRY_AUTH_FILE": str(own)}) == ("own", "4")
    assert find_password("q.io", "app", str(own), home) == ("own", "4")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"auths": 1}', '{"auths": {"q.io": {"auth": "!"}}}', '{"auths": {"q.io": 1}}']
)
def test_a_broken_auth_file_is_told_without_what_is_in_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "auth.json").write_text(text)
    with pytest.raises(UsageError, match="cannot be read as an auth file"):
        find_password("q.io", "a", str(tmp_path / "auth.json"), {})
    with pytest.raises(UsageError, match="there is no auth file"):
        find_password("q.io", "a", str(tmp_path / "none.json"), {})
