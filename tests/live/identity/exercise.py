"""Use a driver a little, in this process or in another one: options as JSON. Python 2.7 and 3."""

import io
import json
import sys

from docker_registry.drivers.swift import Storage

__all__ = ["exercise"]

SEGMENT = 64 * 1024


def exercise(options):
    """Write, read, list and remove a small and a large file."""
    storage = Storage(path="/", config=dict(options, swift_segment_size=SEGMENT))
    body = b"x" * (3 * SEGMENT + 1)
    storage.put_content("folder/small", b"hello")
    storage.stream_write("folder/large", io.BytesIO(body))
    assert storage.get_content("folder/small") == b"hello"
    assert b"".join(storage.stream_read("folder/large")) == body
    assert sorted(storage.list_directory("folder")) == ["folder/large", "folder/small"]
    storage.remove("folder")
    assert not storage.exists("folder/large")


if __name__ == "__main__":
    exercise(json.loads(sys.argv[1]))
    sys.stdout.write(".".join(map(str, sys.version_info[:2])))
