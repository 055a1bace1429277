"""Whatever strangers push, a page has the same elements, runs nothing, fetches nothing, and stays small."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client

from docker_registry.core.driver import fetch
from docker_registry.distribution.model import layout
from docker_registry.distribution.model.digest import Digest
from docker_registry.distribution.model.manifest import OCI_MANIFEST
from docker_registry.distribution.views.text import visible
from tests.distribution.contents import CONFIG_TYPE, descriptor, push_blob
from tests.web.pages import mounted, visit

ATTACKS = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "</textarea></title></style><iframe src=//evil.example>",
    "{{ 7 * 7 }}{% for x in y %}",
    "javascript:alert(1)",
    "\u202egnp.exe\x1b[2J\x00\r\n",
    "\ud800",
    "<!--",
    "]]>",
    "&lt;b&gt;&#0;",
    "x" * 10_000,
]
text = st.one_of(
    st.sampled_from(ATTACKS), st.text(max_size=60), st.text(alphabet="<>\"'&/=`\x00\u202e{%} ", max_size=30)
)
junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
TITLE = "org.opencontainers.image.title"
BOUND = 1_500_000  # bytes of one page


def plant(client: Client, name: str, tag: str, manifest: dict[str, Any], config: bytes) -> Digest:
    """Put a manifest where Distribution would have, with none of the checks of a push."""
    driver = client.application.context.containers.default.driver
    body = json.dumps(manifest).encode()
    digest = Digest.of(body)
    for blob in (body, config):
        driver.put_content(layout.blob_data(Digest.of(blob)), blob)
    driver.put_content(layout.layer_link(name, Digest.of(config)), str(Digest.of(config)).encode())
    driver.put_content(layout.revision_link(name, digest), str(digest).encode())
    driver.put_content(layout.tag_current(name, tag), str(digest).encode())
    return digest


def image_of(words: list[str]) -> tuple[dict[str, Any], bytes]:
    """An image all of whose texts are these."""
    one, two, three = words
    config = {
        "os": one,
        "architecture": two,
        "author": three,
        "created": one,
        "config": {
            "Cmd": [one],
            "Entrypoint": two,
            "User": three,
            "ExposedPorts": {one: {}},
            "Env": [f"K={one}"],
            "Labels": {two: three},
        },
        "history": [{"created_by": one}],
    }
    body = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {**descriptor(body, CONFIG_TYPE)},
        "layers": [{"mediaType": two, "digest": three, "size": 7, "annotations": {TITLE: one}}],
        "annotations": {three: one},
    }
    return manifest, body


@pytest.fixture(scope="module")
def plain() -> list[list[tuple[str, ...]]]:
    """The elements of the pages of an image that nobody meant ill with."""
    client = mounted(fetch("memory")("/registry", None))
    plant(client, "app", "1.0", *image_of(["word", "word", "word"]))
    return [visit(client, path).skeleton() for path in ("/ui/r/app", "/ui/r/app:1.0")]


@settings(max_examples=60)
@given(words=st.lists(text.map("w{}".format), min_size=3, max_size=3))
def test_no_text_changes_what_a_page_consists_of(plain: list[list[tuple[str, ...]]], words: list[str]) -> None:
    client = mounted(fetch("memory")("/registry", None))
    plant(client, "app", "1.0", *image_of(words))
    pages = [visit(client, path) for path in ("/ui/r/app", "/ui/r/app:1.0")]
    assert [page.skeleton() for page in pages] == plain
    assert all(len(page.text.encode()) < BOUND for page in pages)


@settings(max_examples=60)
@given(
    changes=st.dictionaries(
        st.sampled_from(["config", "layers", "manifests", "annotations", "artifactType", "subject", "mediaType"]), junk
    ),
    config=junk,
)
def test_any_json_at_all_is_a_page(changes: dict[str, Any], config: Any) -> None:
    client = mounted(fetch("memory")("/registry", None))
    manifest, _ = image_of(["a", "b", "c"])
    body = json.dumps(config).encode()
    plant(client, "app", "1.0", {**manifest, "config": descriptor(body, CONFIG_TYPE), **changes}, body)
    plant(client, "app", "2.0", {"schemaVersion": 2, "manifests": [{**descriptor(b"none"), **changes}]}, body)
    for path in ("/ui/r/app", "/ui/r/app?sort=size", "/ui/untagged/app?all=yes"):
        visit(client, path)
    for path in ("1.0", "2.0", "1.0/diff?to=2.0&files=yes", "2.0/diff?to=1.0&files=yes"):
        response = client.get(f"/ui/r/app:{path}", headers={"Accept": "text/html"})
        visit(client, f"/ui/r/app:{path}", response.status_code)
        assert response.status_code in (200, 404), response.text


@settings(max_examples=40)
@given(words=text)
def test_what_a_client_asks_for_is_harmless_too(words: str) -> None:
    client = mounted(fetch("memory")("/registry", None))
    push_blob(client, "app", b"layer")
    sent = words.encode("utf8", "replace").decode()
    for path in ("/ui/", "/ui/r/app"):
        for name in ("q", "ns", "after", "sort", "pull", "platform"):
            if client.get(path, query_string={name: sent}).status_code != 302:
                visit(client, path, query_string={name: sent})
    more = {"after": sent, "next": sent, "q": sent}
    for path in ("/ui/r/app", "/ui/untagged/app", "/ui/v1"):
        visit(client, path, query_string={"sort": "size", "all": "yes", **more})
    visit(client, "/ui/", query_string={"sort": "size", "after": sent})
    assert client.get("/ui/r/" + sent.replace("/", "")).status_code in (200, 302, 400, 404)


def test_the_largest_image_is_a_page_of_bounded_size() -> None:
    """As many layers, steps, labels and variables as fit, each as long as it can be."""
    long = "<&\u202e" * 1000
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Labels": {f"{n}": long for n in range(300)}, "Env": [f"K{n}={long}" for n in range(300)]},
        "history": [{"created_by": long} for _ in range(300)],
    }
    body = json.dumps(config, ensure_ascii=False).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(body, CONFIG_TYPE),
        "layers": [descriptor(b"%d" % n) for n in range(1000)],
        "annotations": {f"{n}": long for n in range(300)},
    }
    client = mounted(fetch("memory")("/registry", None))
    plant(client, "app", "1.0", manifest, body)
    page = visit(client, "/ui/r/app:1.0")
    assert len(page.text.encode()) < BOUND


@given(value=text, limit=st.integers(1, 50))
def test_text_that_is_shown_is_short_and_has_nothing_unseen(value: str, limit: int) -> None:
    shown = visible(value, limit)
    assert len(shown) <= 2 * limit + 1
    assert shown.isprintable()
    if len(value) <= limit and value.isprintable():
        assert shown == value
