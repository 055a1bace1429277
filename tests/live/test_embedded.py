"""The embedded Swift itself: what the tests, the benchmarks and `demo` rely on."""

from __future__ import annotations

import hmac
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests
import swiftclient

from docker_registry.embedded import EmbeddedError, EmbeddedSwift

DEADLINE = 20.0  # seconds


def client(swift: EmbeddedSwift, user: str = "", password: str = "") -> swiftclient.Connection:
    user, password = user or swift.user, password or swift.password
    return swiftclient.Connection(swift.auth_url, user, password, auth_version="1", retries=0)


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE
    while not check():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def gone(*processes: psutil.Process) -> bool:
    return not psutil.wait_procs(processes, DEADLINE)[1]


def refusal(**options: object) -> str:
    """What an embedded Swift with these options says instead of starting."""
    with pytest.raises(EmbeddedError) as error, EmbeddedSwift(**options):  # type: ignore[arg-type]
        pass
    return str(error.value)


class TestCounting:
    def test_counts_the_requests_of_a_block_and_no_others(self, swift, container):
        connection = client(swift)
        connection.put_container(container)
        with swift.counting() as counted:
            connection.put_object(container, "a b?", b"x")
            connection.get_container(container, prefix="a")
        connection.delete_object(container, "a b?")
        assert [(r.method, r.path, r.status) for r in counted] == [
            ("PUT", f"/v1/AUTH_test/{container}/a b?", 201),
            ("GET", f"/v1/AUTH_test/{container}", 200),
        ]
        assert "prefix=a" in counted.requests[1].query
        assert len(counted) == 2

    def test_leaves_out_tokens_and_info_unless_asked(self, swift):
        with swift.counting() as storage, swift.counting(everything=True) as everything:
            client(swift).get_capabilities()
        assert len(storage) == 0
        assert [r.path for r in everything] == ["/auth/v1.0", "/info"]

    def test_keeps_the_method_that_was_sent(self, swift, container):
        connection = client(swift)
        connection.put_container(container)
        connection.put_object(container, "a", b"x")
        with swift.counting() as counted:
            connection.copy_object(container, "a", f"/{container}/b")
        assert counted.by_method() == {"COPY": 1}

    def test_is_refused_without_a_log(self, tmp_path):
        with pytest.raises(ValueError, match="request_log=True"), EmbeddedSwift(tmp_path).counting():
            pass


class TestFeatures:
    def test_static_large_objects(self, swift, container):
        connection = client(swift)
        connection.put_container(container)
        parts = [{"path": f"/{container}/part{n}"} for n in range(12)]
        for n in range(12):
            connection.put_object(container, f"part{n}", b"%d," % n)
        manifest = json.dumps(parts).encode()
        connection.put_object(container, "whole", manifest, query_string="multipart-manifest=put")
        assert connection.get_object(container, "whole")[1] == b"0,1,2,3,4,5,6,7,8,9,10,11,"
        connection.delete_object(container, "whole", query_string="multipart-manifest=delete")
        assert connection.get_container(container)[1] == []

    def test_dynamic_large_objects(self, swift, container):
        connection = client(swift)
        connection.put_container(container)
        for n in range(3):
            connection.put_object(container, f"parts/{n}", b"%d" % n)
        connection.put_object(container, "whole", b"", headers={"X-Object-Manifest": f"{container}/parts/"})
        assert connection.get_object(container, "whole")[1] == b"012"

    @pytest.mark.parametrize("digest", ["sha1", "sha256", "sha512"])
    def test_signed_urls(self, swift, container, digest):
        connection = client(swift)
        connection.put_container(container, headers={"X-Container-Meta-Temp-Url-Key": "secret"})
        connection.put_object(container, "a", b"content")
        path, expires = f"/v1/AUTH_test/{container}/a", int(time.time()) + 60
        signature = hmac.new(b"secret", f"GET\n{expires}\n{path}".encode(), digest).hexdigest()
        query = {"temp_url_sig": signature, "temp_url_expires": str(expires)}
        assert requests.get(swift.url + path, params=query, timeout=10).content == b"content"
        assert requests.get(swift.url + path, params=query | {"temp_url_sig": "0" * 64}, timeout=10).status_code == 401

    def test_bulk_removal(self, swift, container):
        connection = client(swift)
        connection.put_container(container)
        connection.put_object(container, "a", b"")
        answer = requests.post(
            f"{swift.storage_url}?bulk-delete",
            data=f"{container}/a\n{container}/b\n",
            headers={
                "X-Auth-Token": connection.get_auth()[1],
                "Content-Type": "text/plain",
                "Accept": "application/json",
            },
            timeout=10,
        ).json()
        assert (answer["Number Deleted"], answer["Number Not Found"]) == (1, 1)

    def test_container_quotas(self, swift, container):
        connection = client(swift)
        connection.put_container(container, headers={"X-Container-Meta-Quota-Count": "0"})
        with pytest.raises(swiftclient.ClientException) as refused:
            connection.put_object(container, "a", b"x")
        assert refused.value.http_status == 413

    def test_a_second_storage_policy(self, swift, container):
        connection = client(swift)
        connection.put_container(container, headers={"X-Storage-Policy": "archive"})
        connection.put_object(container, "a", b"x")
        assert connection.head_container(container)["x-storage-policy"] == "archive"
        assert connection.get_object(container, "a")[1] == b"x"

    def test_users_of_any_name_and_guests_that_may_use_one_container_only(self, tmp_path):
        user, password, guest = "an_account:an_owner", "50%(off)s#;", "an_account:guest"
        with EmbeddedSwift(tmp_path, user=user, password=password, guests={guest: "g"}) as swift:
            owner, visitor = client(swift), client(swift, guest, "g")
            owner.put_container("open", headers={"X-Container-Read": guest, "X-Container-Write": guest})
            owner.put_container("closed")
            visitor.put_object("open", "a", b"x")
            assert owner.get_object("open", "a")[1] == b"x"
            assert owner.url == swift.storage_url
            with pytest.raises(swiftclient.ClientException) as forbidden:
                visitor.put_object("closed", "a", b"x")
            assert forbidden.value.http_status == 403
            with pytest.raises(swiftclient.ClientException) as wrong:
                client(swift, password="50%").get_auth()
            assert wrong.value.http_status == 401


class TestChores:
    def test_expired_objects_leave_the_listing(self, tmp_path):
        with EmbeddedSwift(tmp_path, tasks_interval=0.2) as swift:
            connection = client(swift)
            connection.put_container("c")
            connection.put_object("c", "a", b"x", headers={"X-Delete-After": "1"})
            assert len(connection.get_container("c")[1]) == 1
            eventually(lambda: not connection.get_container("c")[1])

    def test_account_totals_are_brought_up_to_date(self, tmp_path):
        with EmbeddedSwift(tmp_path, tasks_interval=0.2) as swift:
            connection = client(swift)
            connection.put_container("c")
            connection.put_object("c", "a", b"four")
            eventually(lambda: connection.head_account()["x-account-bytes-used"] == "4")

    def test_listing_updates_that_were_put_off_are_made_up_for(self, tmp_path):
        with EmbeddedSwift(tmp_path, tasks_interval=0.2) as swift:
            connection = client(swift)
            connection.put_container("c")
            connection.put_object("c", "a", b"x")
            pending = next(tmp_path.glob("node/disk/containers/*/*/*/*.db.pending"))
            pending.rename(pending.with_suffix(".kept"))
            pending.mkdir()  # the container server cannot note anything now
            connection.put_object("c", "b", b"x")
            assert list(tmp_path.glob("node/disk/async_pending/*/*"))
            pending.rmdir()
            pending.with_suffix(".kept").rename(pending)
            eventually(lambda: not list(tmp_path.glob("node/disk/async_pending/*/*")))
            assert [row["name"] for row in connection.get_container("c")[1]] == ["a", "b"]


class TestLife:
    @pytest.mark.parametrize("object_server", [False, True])
    def test_data_survives_a_restart_on_other_ports(self, tmp_path, object_server):
        with EmbeddedSwift(tmp_path, object_server=object_server) as swift:
            connection = client(swift)
            connection.put_container("c")
            connection.put_object("c", "a", b"x" * 3_000_000)
            connection.post_container("c", {"X-Container-Meta-Colour": "blue"})
        with EmbeddedSwift(tmp_path, object_server=not object_server) as swift:
            connection = client(swift)
            assert connection.get_object("c", "a")[1] == b"x" * 3_000_000
            assert connection.head_container("c")["x-container-meta-colour"] == "blue"

    def test_a_config_holds_where_the_port_is_named(self, tmp_path):
        with EmbeddedSwift(tmp_path) as swift:
            connection = client(swift)
            connection.put_container("c")
            options = swift.options()
        port = int(options["swift_authurl"].split(":")[2].split("/")[0])
        with EmbeddedSwift(tmp_path, port) as swift:
            assert swift.options() == options
            assert client(swift).head_container("c")

    def test_an_acknowledged_object_survives_a_kill(self, tmp_path):
        with EmbeddedSwift(tmp_path) as swift:
            connection = client(swift)
            connection.put_container("c")
            connection.put_object("c", "a", b"x")
            os.kill(swift.pid, signal.SIGKILL)
            swift.wait()
        with EmbeddedSwift(tmp_path) as swift:
            assert client(swift).get_object("c", "a")[1] == b"x"

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_by_a_signal_with_its_children(self, tmp_path, number):
        with EmbeddedSwift(tmp_path, object_server=True) as swift:
            children = psutil.Process(swift.pid).children()
            assert len(children) == 1
            os.kill(swift.pid, number)
            assert swift.wait() == 0
            assert gone(*children)
            assert not swift.running

    @pytest.mark.parametrize("object_server", [False, True])
    def test_ends_when_the_process_that_started_it_is_killed(self, tmp_path, object_server):
        program = (
            "from docker_registry.embedded import EmbeddedSwift\n"
            f"with EmbeddedSwift({str(tmp_path)!r}, object_server={object_server}) as swift:\n"
            "    print(swift.pid, flush=True)\n"
            "    input()\n"
        )
        starter = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with starter:
            process = psutil.Process(int(starter.stdout.readline()))
            family = [process, *process.children()]
            starter.kill()
        assert gone(*family)

    def test_a_child_that_died_takes_the_whole_down(self, tmp_path):
        with EmbeddedSwift(tmp_path, object_server=True) as swift:
            psutil.Process(swift.pid).children()[0].kill()
            eventually(lambda: not swift.running)
            assert swift.wait() == 1

    def test_starts_in_a_thread_that_ends(self, tmp_path):
        import threading

        swift = EmbeddedSwift(tmp_path)
        thread = threading.Thread(target=swift.start)
        thread.start()
        thread.join()
        try:
            client(swift).put_container("c")
        finally:
            swift.stop()

    def test_starts_from_a_process_that_gevent_has_patched(self, tmp_path):
        program = (
            "import gevent.monkey; gevent.monkey.patch_all()\n"
            "import swiftclient\n"
            "from docker_registry.embedded import EmbeddedSwift\n"
            f"with EmbeddedSwift({str(tmp_path)!r}, request_log=True) as swift, swift.counting() as counted:\n"
            "    swiftclient.Connection(swift.auth_url, swift.user, swift.password).put_container('c')\n"
            "    print(len(counted))\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        assert (done.stdout, done.stderr) == ("1\n", "")


class TestRefusals:
    def test_a_port_in_use(self, tmp_path):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            said = refusal(data_dir=tmp_path, port=port)
        assert said == f"port {port} of 127.0.0.1 is in use: choose another, or 0 for any free one"

    def test_a_port_that_does_not_exist(self, tmp_path):
        assert refusal(data_dir=tmp_path, port=70000).startswith("cannot listen on port 70000 of 127.0.0.1: ")

    def test_a_folder_that_cannot_be(self, tmp_path):
        (tmp_path / "file").touch()
        said = refusal(data_dir=tmp_path / "file" / "data")
        assert said.startswith(f"cannot use {tmp_path}/file/data for data: Not a directory")

    def test_a_second_start_on_the_same_data(self, tmp_path):
        with EmbeddedSwift(tmp_path) as swift:
            said = refusal(data_dir=tmp_path)
            assert said == f"another embedded Swift (process {swift.pid}) is using {tmp_path}"
            client(swift).put_container("c")

    @pytest.mark.parametrize(
        ("options", "why"),
        [
            ({"user": "nocolon"}, "the user 'nocolon' must have the form ACCOUNT:USER"),
            ({"password": "two words"}, "the password of 'test:tester' must be one word, not empty"),
            ({"password": ""}, "the password of 'test:tester' must be one word, not empty"),
        ],
    )
    def test_credentials_that_tempauth_cannot_hold(self, tmp_path, options, why):
        assert refusal(data_dir=tmp_path, **options) == why

    def test_a_path_that_swift_would_misread(self, tmp_path):
        assert refusal(data_dir=tmp_path / "50%").startswith("the path of the data must not contain")


def test_the_password_is_nobody_elses_to_see(tmp_path: Path) -> None:
    with EmbeddedSwift(tmp_path, password="hush-hush") as swift:
        process = psutil.Process(swift.pid)
        assert "hush-hush" not in " ".join(process.cmdline()) + json.dumps(process.environ())
        assert "hush-hush" not in repr(swift.opts)
        holders = [path for path in tmp_path.rglob("*") if path.is_file() and b"hush-hush" in path.read_bytes()]
        assert all(path.stat().st_mode & 0o077 == 0 for path in holders)


def test_runs_in_the_foreground_until_interrupted(tmp_path: Path) -> None:
    # Where the tests run in the background of a shell, children are told to ignore SIGINT.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = (
        f"{heed}; import docker_registry.embedded as e; raise SystemExit(e.run(e.EmbeddedSwift({str(tmp_path)!r})))"
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as run:
            line = run.stdout.readline()
            child = psutil.Process(run.pid).children()[0]
            run.send_signal(number)
            assert (run.wait(DEADLINE), run.stderr.read()) == (0, "")
        assert line.startswith("OpenStack Swift is ready: http://127.0.0.1:")
        assert gone(child)


def test_a_start_that_is_interrupted_leaves_nothing_running(tmp_path: Path) -> None:
    swift = EmbeddedSwift(tmp_path)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            swift.start()
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert not swift.running
    assert not [child for child in psutil.Process().children() if str(tmp_path) in str(child.open_files())]
    with EmbeddedSwift(tmp_path) as again:
        client(again).put_container("c")
