"""The embedded cluster itself: that it breaks as it is told to, and is whole again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import swiftclient

from docker_registry.embedded import EmbeddedError
from docker_registry.embedded.cluster import SwiftCluster
from docker_registry.embedded.cluster.options import ClusterOptions
from tests.peers import need

DEADLINE = 60.0  # s


def client(cluster: SwiftCluster, proxy: str = "") -> swiftclient.Connection:
    url = cluster.proxies[proxy] if proxy else cluster.url
    return swiftclient.Connection(f"{url}/auth/v1.0", cluster.user, cluster.password, auth_version="1", retries=0)


def disks_with(cluster: SwiftCluster, content: bytes) -> set[str]:
    """The nodes that hold an object of these bytes."""
    return {
        node
        for node in cluster.nodes
        for path in cluster.device(node).glob("objects/*/*/*/*.data")
        if path.read_bytes() == content
    }


def names(connection: swiftclient.Connection, container: str) -> list[str]:
    return [row["name"] for row in connection.get_container(container)[1]]


def test_everything_is_stored_three_times(running_cluster: SwiftCluster, container: str) -> None:
    cluster = running_cluster  # which it leaves as it is
    connection = client(cluster)
    connection.put_container(container)
    connection.put_object(container, "a", b"three times")
    cluster.wait_until_converged(DEADLINE)
    assert disks_with(cluster, b"three times") == {"node1", "node2", "node3"}


def test_a_token_of_one_proxy_is_known_to_the_other(running_cluster: SwiftCluster, container: str) -> None:
    cluster = running_cluster  # which it leaves as it is
    first, second = client(cluster, "proxy1"), client(cluster, "proxy2")
    first.put_container(container)
    first.put_object(container, "a", b"x")
    url = first.url.replace(cluster.proxies["proxy1"], cluster.proxies["proxy2"])
    assert swiftclient.get_object(url, first.token, container, "a")[1] == b"x"
    assert second.get_object(container, "a")[1] == b"x"


def test_what_was_written_without_a_node_comes_to_it(cluster: SwiftCluster, container: str) -> None:
    connection = client(cluster)
    cluster.kill("node2")
    assert cluster.status()["running"]["node2"] == []
    connection.put_container(container)
    connection.put_object(container, "a", b"while it was away")
    assert disks_with(cluster, b"while it was away") == {"node1", "node3"}
    assert any("node2" in difference for difference in cluster.differences())
    cluster.revive("node2")
    cluster.wait_until_converged(DEADLINE)
    assert disks_with(cluster, b"while it was away") == {"node1", "node2", "node3"}


def test_an_empty_disk_is_filled_again(cluster: SwiftCluster, container: str) -> None:
    connection = client(cluster)
    connection.put_container(container)
    connection.put_object(container, "a", b"on a disk that is lost")
    cluster.wipe("node3")
    assert list(cluster.device("node3").iterdir()) == []
    cluster.revive("node3")
    cluster.wait_until_converged(DEADLINE)
    assert disks_with(cluster, b"on a disk that is lost") == {"node1", "node2", "node3"}


def test_a_node_that_hangs_accepts_and_says_nothing(cluster: SwiftCluster, container: str) -> None:
    connection = client(cluster)
    connection.put_container(container)
    cluster.pause("node1")
    deadline = time.monotonic() + DEADLINE
    while not is_stopped(cluster, "node1"):  # who waits for a disk stops behind that
        assert time.monotonic() < deadline
        time.sleep(0.02)
    connection.put_object(container, "a", b"two of three")
    assert disks_with(cluster, b"two of three") == {"node2", "node3"}
    assert connection.get_object(container, "a")[1] == b"two of three"


def is_stopped(cluster: SwiftCluster, member: str) -> bool:
    """Whether every process of a member is, but those that have ended and wait for a parent who is stopped too."""
    states = {psutil.Process(pid).status() for pid in processes(cluster, member)}
    return states - {psutil.STATUS_ZOMBIE} == {psutil.STATUS_STOPPED}


def processes(cluster: SwiftCluster, member: str) -> list[int]:
    group = cluster.status()["groups"][member]
    children = psutil.Process(cluster.pid).children(recursive=True)
    return [child.pid for child in children if os.getpgid(child.pid) == group]


def test_what_is_cut_off_gets_nothing_and_serves_what_it_has(cluster: SwiftCluster, container: str) -> None:
    connection = client(cluster)
    connection.put_container(container)
    for other in ("node1", "node2", "proxy1"):
        cluster.cut("node3", other)
    connection.put_object(container, "a", b"on this side")
    assert disks_with(cluster, b"on this side") == {"node1", "node2"}
    across = client(cluster, "proxy2")  # reaches all three
    assert across.get_object(container, "a")[1] == b"on this side"
    cluster.heal()
    cluster.wait_until_converged(DEADLINE)
    assert disks_with(cluster, b"on this side") == {"node1", "node2", "node3"}


def test_two_of_three_down_refuses_writes_and_still_reads(cluster: SwiftCluster, container: str) -> None:
    connection = client(cluster)
    connection.put_container(container)
    connection.put_object(container, "a", b"before")
    cluster.wait_until_converged(DEADLINE)
    cluster.kill("node1")
    cluster.kill("node2")
    with pytest.raises(swiftclient.ClientException) as refused:
        connection.put_object(container, "b", b"after")
    assert refused.value.http_status == 503
    assert connection.get_object(container, "a")[1] == b"before"
    cluster.revive("node1")
    cluster.revive("node2")
    cluster.wait_until_converged(DEADLINE)
    assert names(connection, container) == ["a"]


def test_without_daemons_nothing_moves_until_it_is_told_to(tmp_path: Path) -> None:
    need("rsync")
    with SwiftCluster(tmp_path, nodes=2, replicas=2, daemons=False) as cluster:
        connection = client(cluster)
        cluster.kill("node1")
        connection.put_container("c")
        connection.put_object("c", "a", b"x")
        cluster.revive("node1")
        assert disks_with(cluster, b"x") == {"node2"}
        cluster.replicate()
        assert cluster.differences() == []


def test_what_is_killed_from_outside_is_started_again_and_all_ends_with_the_supervisor(tmp_path: Path) -> None:
    need("rsync")
    with SwiftCluster(tmp_path, nodes=1, replicas=1, restart=0.1) as cluster:
        former = cluster.status()["groups"]["node1"]
        os.killpg(former, signal.SIGKILL)
        deadline = time.monotonic() + DEADLINE
        while (status := cluster.status())["groups"].get("node1", former) == former or not status["running"]["node1"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        client(cluster).put_container("c")
        children = psutil.Process(cluster.pid).children(recursive=True)
        assert len(children) >= 11
        os.kill(cluster.pid, signal.SIGKILL)
        cluster.wait()
        assert not psutil.wait_procs(children, DEADLINE)[1]


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    need("rsync")
    program = (
        "from docker_registry.embedded.cluster import SwiftCluster\n"
        f"cluster = SwiftCluster({str(tmp_path)!r}, nodes=1, replicas=1).start()\n"
        "print(cluster.pid, flush=True)\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE)
    try:
        supervisor = psutil.Process(int(done.stdout))
        assert not psutil.wait_procs([supervisor], DEADLINE)[1]
    except psutil.NoSuchProcess:
        pass


def test_what_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="3 replicas on 2 nodes: a cluster has"):
        ClusterOptions(str(tmp_path), nodes=2, replicas=3)


def test_there_is_no_such_member(running_cluster: SwiftCluster) -> None:
    with pytest.raises(EmbeddedError, match="kill node9: node9: the members are node1, node2, node3, proxy1, proxy2"):
        running_cluster.kill("node9")


def test_the_caller_s_side_imports_neither_swift_nor_eventlet() -> None:
    program = "import sys, docker_registry.embedded.cluster; print({'swift', 'eventlet'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "set()\n"


def test_from_the_command_line(tmp_path: Path) -> None:
    need("rsync")
    command = [sys.executable, "-m", "docker_registry.cli", "swift", "--data", str(tmp_path), "--nodes", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 1
    assert done.stderr.startswith("docker-registry-swift: 3 replicas on 1 nodes: ")
    command += ["--replicas", "1", "--proxies", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == 0
    assert lines[0].startswith("OpenStack Swift is ready: http://127.0.0.1:")
    assert [line.split()[0] for line in lines[1:]] == ["node1", "proxy1", "proxy2"]
