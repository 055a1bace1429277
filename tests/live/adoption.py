"""One container under two registries: Distribution 2.8 and ours, from the same config file."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from werkzeug.serving import make_server

from docker_registry.config import load
from docker_registry.core.driver import Base
from docker_registry.distribution.app import Registry
from docker_registry.embedded import EmbeddedSwift
from docker_registry.settings import Settings, of_each_container, open_driver
from tests.live.ceph import Ceph
from tests.live.distribution2 import Distribution2, storage
from tests.live.ours import Ours
from tests.live.wire import Client
from tests.peers import need

MIB = 1 << 20


class Both(NamedTuple):
    theirs: Client
    ours: Client
    distribution: Distribution2


@contextmanager
def both(swift: EmbeddedSwift | Ceph, container: str, folder: Path, **parameters: Any) -> Iterator[Both]:
    """Run the two on one container; ours as a child process. Skips where Distribution is not installed."""
    need("docker-registry")
    with ExitStack() as stack:
        distribution = stack.enter_context(Distribution2(folder, storage(swift, container, **parameters)))
        ours = stack.enter_context(Ours(folder, distribution.config, environ=distribution.environ))
        yield Both(stack.enter_context(Client(distribution.url)), stack.enter_context(Client(ours.url)), distribution)


def settings_of(distribution: Distribution2, **changes: Any) -> Settings:
    """What our registry reads from Distribution's config file."""
    return dataclasses.replace(load(str(distribution.config), environ={}).settings, **changes)


def driver_of(distribution: Distribution2, **options: Any) -> Base:
    """Our driver as Distribution's config file configures it; `options` are swift_* options on top."""
    settings = settings_of(distribution)
    driver = type(settings.driver)({**settings.driver, **options})
    return open_driver(dataclasses.replace(settings, driver=driver))


@contextmanager
def in_process(settings: Settings) -> Iterator[Client]:
    """Our registry in a thread of the test; for settings that no config file of Distribution's can have."""
    default, *others = (open_driver(each) for _, each in of_each_container(settings))
    registry = Registry(default, dataclasses.replace(settings, secret=b"only for tests"), others)
    server = make_server("127.0.0.1", 0, registry, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        with Client(f"http://127.0.0.1:{server.server_port}") as client:
            yield client
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
