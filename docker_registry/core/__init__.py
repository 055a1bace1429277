"""The storage driver interface of docker-registry, for Python 3.

On Python 2 these modules come from docker-registry-core; this is a port of
the same names, and of what the OCI registry needs beyond them.
"""

# docker-registry-core has another: see `docker_registry.own_core`.
__title__ = "docker-registry-driver-swift"
