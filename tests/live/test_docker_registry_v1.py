"""The driver inside docker-registry 0.9.1 from PyPI, on Python 2.7, over HTTP, against a real Swift."""

from __future__ import annotations

import gzip
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
import swiftclient

from docker_registry.embedded import EmbeddedSwift, Requests
from tests.live.clients import host, podman_mounted, skopeo_pull
from tests.live.faults import FaultProxy
from tests.live.images import busybox_layer, file_layer
from tests.live.ours import Ours
from tests.live.redis_server import RedisServer
from tests.live.v1_registry import Client, DockerRegistry, Image, chain, installed, sample_config
from tests.peers import need, program
from tests.wheels import Environment, build_wheel

REPOSITORY = "acme/shop"
KEY = "the-temp-url-key"


@pytest.fixture(scope="module")
def where(tmp_path_factory) -> Environment:
    """docker-registry's environment, our Python 2 wheel in it."""
    need("gcc", "swig")
    return installed(build_wheel("2.7", tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def registry(where, swift, tmp_path_factory) -> Iterator[DockerRegistry]:
    with DockerRegistry(where, swift, "docker-registry-v1", tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def start(where, swift, container, tmp_path) -> Callable[..., DockerRegistry]:
    """Further registries, on a container that is the test's own."""
    return lambda name="registry", **environ: DockerRegistry(where, swift, container, tmp_path / name, **environ)


@pytest.fixture
def client(registry) -> Client:
    return Client(registry.url)


def layers(*sizes: int, seed: int = 0) -> list[bytes]:
    return [random.Random(f"{seed}{number}").randbytes(size) for number, size in enumerate(sizes)]


def connect(swift: EmbeddedSwift) -> swiftclient.Connection:
    return swiftclient.Connection(swift.auth_url, swift.user, swift.password)


def test_what_was_pushed_is_pulled(client):
    # One layer larger than a segment, and one that ends on its edge.
    content = layers(1, 3_000_000, 70 << 20, 32 << 20)
    images = chain(content)
    client.push(REPOSITORY, "1.0", images)
    assert client.pull(REPOSITORY, "1.0") == content
    assert client.tags(REPOSITORY) == {"1.0": images[-1].id}
    listed = client.call("GET", f"repositories/{REPOSITORY}/images").json()
    assert {image["id"] for image in listed} == {image.id for image in images}
    assert client.call("GET", f"images/{images[1].id}/ancestry").json() == [images[1].id, images[0].id]


def test_a_pushed_image_is_not_pushed_again(client):
    (image,) = chain(layers(1000, seed=1))
    client.push("acme/once", "1", [image])
    client.call("PUT", f"images/{image.id}/layer", 409, data=image.layer)
    client.call("PUT", "repositories/acme/twice/tags/2", json=image.id)
    assert client.tags("acme/twice") == {"2": image.id}


def test_a_wrong_checksum_is_noticed(client):
    (image,) = chain(layers(1000, seed=2))
    client.call("PUT", f"images/{image.id}/json", data=image.json)
    client.call("PUT", f"images/{image.id}/layer", data=image.layer)
    wrong = {"X-Docker-Checksum-Payload": "sha256:" + "0" * 64}
    client.call("PUT", f"images/{image.id}/checksum", 400, headers=wrong)
    client.call("GET", f"images/{image.id}/layer", 400)  # still being uploaded


@pytest.mark.parametrize(("first", "last"), [(0, 99), (5, 6), (999_000, 1_999_999), (33_000_000, 34_000_000)])
def test_ranges(client, first, last):
    content = layers(36 << 20, seed=3)
    (image,) = chain(content)
    if client.call("GET", f"images/{image.id}/json", None).status_code == 404:
        client.push("acme/ranges", "1", [image])
    answer = client.call("GET", f"images/{image.id}/layer", 206, headers={"Range": f"bytes={first}-{last}"})
    assert answer.content == content[0][first : last + 1]
    assert answer.headers["Content-Range"] == f"{first}-{last}/{len(content[0])}"


def test_what_is_not_there_is_404(client):
    client.call("GET", f"images/{'0' * 64}/json", 404)
    client.call("GET", f"images/{'0' * 64}/layer", 404)
    client.call("GET", f"images/{'0' * 64}/ancestry", 404)
    client.call("GET", "repositories/acme/nothing/tags", 404)
    client.call("GET", "repositories/acme/nothing/images", 404)
    client.call("DELETE", "repositories/acme/nothing/tags/1", 404)
    client.call("DELETE", "repositories/acme/nothing/", 404)


def test_tags_are_moved_and_deleted(client):
    old, new = chain(layers(100, 200, seed=4))
    client.push("acme/moves", "latest", [old, new])
    client.call("PUT", "repositories/acme/moves/tags/stable", json=old.id)
    client.call("PUT", "repositories/acme/moves/tags/latest", json=old.id)
    assert client.tags("acme/moves") == {"latest": old.id, "stable": old.id}
    client.call("DELETE", "repositories/acme/moves/tags/latest")
    assert client.tags("acme/moves") == {"stable": old.id}
    client.call("GET", "repositories/acme/moves/tags/latest", 404)


def test_each_tag_is_listed(client):
    (image,) = chain(layers(100, seed=17))
    client.push("acme/labels", "1", [image])
    tags = ["1", "10", "100", "1-a", "1.0", "2.0", "2.01", "v1", "v10", "tag_", "tag_1"]
    for tag in tags:
        client.call("PUT", f"repositories/acme/labels/tags/{tag}", json=image.id)
    assert client.tags("acme/labels") == dict.fromkeys(tags, image.id)
    client.call("DELETE", "repositories/acme/labels/tags/1")
    client.call("DELETE", "repositories/acme/labels/tags/v10")
    assert client.tags("acme/labels") == dict.fromkeys(set(tags) - {"1", "v10"}, image.id)


def test_deleting_a_repository_leaves_its_neighbours(client, swift):
    images = chain(layers(100, 200, seed=5))
    client.push("acme/gone", "latest", images)
    client.call("PUT", "repositories/acme/gone/tags/1", json=images[0].id)
    for neighbour in ("acme/gone-not", "acme/gon", "acme2/gone"):
        client.call("PUT", f"repositories/{neighbour}/", json=[])
        client.call("PUT", f"repositories/{neighbour}/tags/1", json=images[0].id)
    client.call("DELETE", "repositories/acme/gone/")
    client.call("GET", "repositories/acme/gone/tags", 404)
    client.call("GET", "repositories/acme/gone/images", 404)
    rows = connect(swift).get_container("docker-registry-v1", prefix="registry/repositories/acme/gone/")[1]
    assert rows == []
    for neighbour in ("acme/gone-not", "acme/gon", "acme2/gone"):
        assert client.tags(neighbour) == {"1": images[0].id}


def test_a_private_repository_says_so(client):
    client.call("PUT", "repositories/acme/secret/properties", json={"access": "private"})
    assert client.call("GET", "repositories/acme/secret/properties").json() == {"access": "private"}
    client.call("PUT", "repositories/acme/secret/properties", json={"access": "public"})
    assert client.call("GET", "repositories/acme/secret/properties").json() == {"access": "public"}


def test_objects_are_named_as_the_former_driver_named_them(client, swift):
    (image,) = chain(layers(100, seed=6))
    client.push("acme/names", "1", [image])
    rows = connect(swift).get_container("docker-registry-v1", prefix=f"registry/images/{image.id}/")[1]
    names = [row["name"].rpartition("/")[2] for row in rows]
    assert names == ["_checksum", "ancestry", "json", "layer"]
    tag = connect(swift).get_object("docker-registry-v1", "registry/repositories/acme/names/tag_1")[1]
    assert tag == image.id.encode()


def test_layers_come_from_swift_by_a_signed_url(start, swift, container):
    content = layers(2_000_000, 40 << 20, seed=7)
    images = chain(content)
    with start(options={"swift_temp_url_key": KEY}, STORAGE_REDIRECT="true") as registry:
        client = Client(registry.url)
        client.push(REPOSITORY, "1", images)
        connect(swift).post_container(container, {"X-Container-Meta-Temp-URL-Key": KEY})
        answer = client.call("GET", f"images/{images[1].id}/layer", 302, allow_redirects=False)
        location = answer.headers["Location"]
        assert urlsplit(location).netloc == urlsplit(swift.url).netloc
        assert requests.get(location, timeout=60).content == content[1]
        forged = re.sub(r"(temp_url_sig=)[^&]{8}", r"\g<1>00000000", location)
        assert requests.get(forged, timeout=60).status_code == 401
        assert client.pull(REPOSITORY, "1") == content


def test_without_a_key_layers_come_from_the_registry(start):
    content = layers(1000, seed=8)
    with start(STORAGE_REDIRECT="true") as registry:
        client = Client(registry.url)
        client.push(REPOSITORY, "1", chain(content))
        client.call("GET", f"images/{chain(content)[0].id}/layer", allow_redirects=False)
        assert client.pull(REPOSITORY, "1") == content


def test_small_files_come_from_redis(start, swift, tmp_path):
    content = layers(1000, 2000, seed=9)
    images = chain(content)
    with RedisServer(tmp_path) as redis, start(**redis.lru) as registry:
        client = Client(registry.url)
        client.push(REPOSITORY, "1", images)
        with swift.counting() as cached:
            assert client.pull(REPOSITORY, "1") == content
        assert int(redis.call("DBSIZE")) > 0
        # A tag that is moved or deleted is so in the cache too.
        client.call("PUT", f"repositories/{REPOSITORY}/tags/1", json=images[0].id)
        assert client.tags(REPOSITORY) == {"1": images[0].id}
        client.call("DELETE", f"repositories/{REPOSITORY}/")
        client.call("GET", f"repositories/{REPOSITORY}/tags/1", 404)
        client.call("GET", f"repositories/{REPOSITORY}/images", 404)
        client.push("acme/again", "1", chain(layers(1000, seed=10)))
    with start() as registry, swift.counting() as plain:
        Client(registry.url).call("GET", f"images/{images[1].id}/json")
    assert small_files(plain) > 0
    assert small_files(cached) == 0


def small_files(requests: Requests) -> int:
    """How many were read from Swift: neither layers nor listings."""
    return sum(r.method == "GET" and not r.path.endswith("/layer") and "prefix=" not in r.query for r in requests)


def test_a_redis_that_is_gone_does_not_matter(start, tmp_path):
    content = layers(1000, seed=11)
    with RedisServer(tmp_path) as redis, start(**redis.lru) as registry:
        client = Client(registry.url)
        redis.stop()
        client.push(REPOSITORY, "1", chain(content))
        assert client.pull(REPOSITORY, "1") == content


def test_two_registries_share_a_swift(start):
    content = layers(1000, 5_000_000, seed=12)
    with start("one") as one, start("other") as other:
        Client(one.url).push(REPOSITORY, "1", chain(content))
        assert Client(other.url).pull(REPOSITORY, "1") == content
        Client(other.url).call("DELETE", f"repositories/{REPOSITORY}/tags/1")
        Client(one.url).call("GET", f"repositories/{REPOSITORY}/tags/1", 404)


def test_many_clients_at_once_in_one_worker(start):
    contents = [layers(3_000_000, 500_000, seed=100 + number) for number in range(8)]

    def push_and_pull(number: int) -> list[bytes]:
        client = Client(registry.url)
        client.push(f"acme/crowd{number}", "1", chain(contents[number]))
        return client.pull(f"acme/crowd{number}", "1")

    with start(GUNICORN_WORKERS="1") as registry, ThreadPoolExecutor(8) as crowd:
        assert list(crowd.map(push_and_pull, range(8))) == contents


def test_an_outage_of_swift_is_no_absence(start, swift):
    content = layers(1000, seed=16)
    (image,) = chain(content)
    with FaultProxy(swift.storage_url) as faults:
        options = {"swift_object_storage_url": faults.url, "swift_retries": 0}
        with start(options=options) as registry:
            client = Client(registry.url)
            client.push(REPOSITORY, "1", [image])
            faults.answer(503, path=image.id)
            client.call("GET", f"images/{image.id}/json", 500)
            client.call("PUT", f"images/{image.id}/json", 500, data=image.json)
            client.call("PUT", f"repositories/{REPOSITORY}/tags/2", 500, json=image.id)
            faults.clear()
            assert client.pull(REPOSITORY, "1") == content
            assert client.tags(REPOSITORY) == {"1": image.id}


def test_what_a_push_and_a_pull_cost_in_requests(start, swift):
    large, small = chain(layers(64 << 20, seed=13)), chain(layers(*[1 << 20] * 10, seed=14))
    with start() as registry:
        client = Client(registry.url)
        client.push("acme/warm", "1", chain(layers(1, seed=15)))
        assert costs(swift, client, "acme/large", large) == (26, 13)  # docs/docker-registry.md has these figures too
        assert costs(swift, client, "acme/small", small) == (175, 85)


def costs(swift: EmbeddedSwift, client: Client, repository: str, images: list[Image]) -> tuple[int, int]:
    """The Swift requests of a push and of a pull."""
    with swift.counting() as push:
        client.push(repository, "1", images)
    with swift.counting() as pull:
        client.pull(repository, "1")
    return len(push), len(pull)


def test_its_images_become_oci_images_that_podman_pulls(where, swift, container, tmp_path):
    """The config file is the sample that docker-registry brings along; no registry runs while images are copied."""
    need("podman", "busybox")
    tars = [gzip.decompress(file_layer(name, 3 << 20).data) for name in ("a", "b")]
    base = busybox_layer().data
    images = chain([base, gzip.compress(tars[0]), tars[1]])
    with DockerRegistry(where, swift, container, tmp_path / "v1") as registry:
        Client(registry.url).push(REPOSITORY, "1.0", images)
        Client(registry.url).call("PUT", "repositories/acme/base/tags/latest", json=images[0].id)

        def typed(*words: str) -> str:
            command = [sys.executable, "-m", "docker_registry.cli", *words]
            return subprocess.run(
                command, env=registry.environ, check=True, capture_output=True, text=True, timeout=120
            ).stdout

        assert [json.loads(row) for row in typed("ls", "--v1", "--json").splitlines()] == [
            {"repository": "acme/base", "tags": ["latest"]},
            {"repository": REPOSITORY, "tags": ["1.0"]},
        ]
        (row,) = [json.loads(row) for row in typed("ls", "--v1", "--json", REPOSITORY).splitlines()]
        assert row == {"tag": "1.0", "id": images[-1].id, "created": "2014-10-01T00:00:00Z", "layers": 3}
        inspected = json.loads(typed("inspect", "--v1", f"{REPOSITORY}:1.0"))
        assert [each["id"] for each in inspected["ancestry"]] == [image.id for image in images[::-1]]
        with swift.counting() as first:
            told = typed("cp", "--quiet", "--from-v1", f"{REPOSITORY}:1.0", "new/shop:1.0")
        with swift.counting() as second:
            assert typed("cp", "--quiet", "--from-v1", f"{REPOSITORY}:1.0", "new/shop:1.0") == told
            typed("cp", "--quiet", "--from-v1", "--all-tags", "acme/base", "new/base")
        assert (layers_read(first), layers_read(second)) == (3, 0)
        # v1 goes on as before.
        assert Client(registry.url).pull(REPOSITORY, "1.0") == [image.layer for image in images]
        environ = registry.environ
    with Ours(tmp_path, sample_config(where), environ=environ) as ours:
        with podman_mounted(f"{host(ours.url)}/new/shop:1.0", tmp_path) as mounted:
            assert (mounted / "bin/busybox").read_bytes() == Path(program("busybox")).read_bytes()
            assert {path.name for path in mounted.iterdir()} >= {"a", "b", "bin"}
        skopeo_pull(ours.url, "new/base:latest", tmp_path / "base")


def layers_read(requests: Requests) -> int:
    return sum(r.method == "GET" and r.path.endswith("/layer") for r in requests)


def test_docker_registry_cores_own_suite(where, swift, container, tmp_path):
    config = json.dumps(swift.options(swift_container=container))
    suite = Path(__file__).with_name("core_suite.py")
    said = where.run("python", "-m", "nose", "-v", suite, cwd=tmp_path, DRIVER_CONFIG=config)
    ran = re.search(r"Ran (\d+) tests", said)
    assert ran, said
    assert int(ran[1]) == 31
    assert "SKIP" not in said
