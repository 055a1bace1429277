"""The registry as a process on a network: gunicorn's master, gevent's workers, and what they must not inherit.

The registry itself is `docker_registry.distribution.app`, which knows nothing of this.
"""
