"""Many greenlets meet the end of one token, in a process that gevent has patched: options as JSON, and their number.

Prints the token in use, waits for a line on standard input, then lets all of them read at once; prints how many read
what they should, and how many logins there were in all.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402

import gevent  # noqa: E402

from docker_registry.drivers.swift import Storage  # noqa: E402
from docker_registry.drivers.swift.login import identity  # noqa: E402

log_in, tokens = identity.log_in, []


def recording(settings, retries):
    login = log_in(settings, retries)
    tokens.append(login[1])
    return login


identity.log_in = recording
storage = Storage(path="/", config=json.loads(sys.argv[1]))
storage.put_content("file", b"content")
print(tokens[-1], flush=True)
sys.stdin.readline()
readers = [gevent.spawn(storage.get_content, "file") for _ in range(int(sys.argv[2]))]
gevent.joinall(readers, timeout=120)
print(sum(reader.value == b"content" for reader in readers), len(tokens))
