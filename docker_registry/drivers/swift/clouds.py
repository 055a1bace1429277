"""Credentials from `clouds.yaml`, read by OpenStack's own reader (the extra `clouds`)."""

from docker_registry.core.exceptions import ConfigError

__all__ = ["read"]


def read(cloud, environ):
    """The options that a cloud of `clouds.yaml` gives: attribute of Settings -> (where, value)."""
    raise ConfigError("swift_cloud: not yet")
