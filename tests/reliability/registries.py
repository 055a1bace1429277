"""Several registries in one process, each of a config file and on a port of its own: `python -m ... CONFIG...`.

The server, its handler and the whole registry are those of `serve`; only gunicorn's master is missing. Prints the
ports and serves until its stdin ends.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
from gevent.pool import Pool  # noqa: E402

from docker_registry.config import load  # noqa: E402
from docker_registry.metrics.figures import Figures  # noqa: E402
from docker_registry.serving import logs, server  # noqa: E402
from docker_registry.serving.acceptor import Server  # noqa: E402
from docker_registry.serving.assembly import assemble  # noqa: E402
from docker_registry.settings import Settings  # noqa: E402


def start(settings: Settings) -> Server:
    listener = server.bind(settings)
    server.listen(listener)
    app = assemble(settings, Figures())
    serving = Server(settings, listener, application=app, spawn=Pool(100), log=None)
    serving.start()
    return serving


def main(configs: list[str]) -> None:
    every = [load(config, None).settings for config in configs]
    logs.configure(every[0])
    serving = [start(settings) for settings in every]
    print(*(each.server_port for each in serving), flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.read)


if __name__ == "__main__":
    main(sys.argv[1:])
