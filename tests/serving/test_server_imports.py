"""The master imports nothing that gevent patches in the workers, and starts no event loop."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHECK = """
import sys
import docker_registry.commands.{command}
late = {{"requests", "urllib3", "swiftclient", "keystoneauth1", "docker_registry.drivers.swift.storage"}}
assert not late & set(sys.modules), late & set(sys.modules)
import gevent._hub_local
assert gevent._hub_local.get_hub_if_exists() is None
from gevent import monkey
monkey.patch_all()
import ssl, urllib3
urllib3.util.ssl_.create_urllib3_context().minimum_version = ssl.TLSVersion.TLSv1_2  # recurses when ssl came too early
"""


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_worker_can_still_be_patched(command: str) -> None:
    code = CHECK.format(command=command)
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
