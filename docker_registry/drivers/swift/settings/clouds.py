"""Credentials from `clouds.yaml`, read by OpenStack's own reader (the extra `clouds`)."""

import os

from docker_registry.core.exceptions import ConfigError

from ..compat import plain, shown

__all__ = ["read", "refuse_type"]

# What keystoneauth's plug-ins are called that log in as this driver can; v1password is swiftclient's.
_TYPES = (
    "password",
    "v2password",
    "v3password",
    "token",
    "v2token",
    "v3token",
    "v3applicationcredential",
    "v1password",
)

# What the reader calls it -> the attribute of Settings; first those of the section `auth`.
_AUTH = {
    "auth_url": "auth_url",
    "username": "user",
    "user_id": "user_id",
    "password": "password",
    "project_name": "tenant_name",
    "project_id": "tenant_id",
    "default_domain_name": "domain_name",
    "default_domain_id": "domain_id",
    "user_domain_name": "user_domain_name",
    "user_domain_id": "user_domain_id",
    "project_domain_name": "project_domain_name",
    "project_domain_id": "project_domain_id",
    "application_credential_id": "application_credential_id",
    "application_credential_name": "application_credential_name",
    "application_credential_secret": "application_credential_secret",
    "token": "token",
    "trust_id": "trust_id",
}
_CLOUD = {
    "default_domain_name": "domain_name",
    "default_domain_id": "domain_id",
    "default_domain": "domain_id",
    "identity_api_version": "auth_version",
    "region_name": "region_name",
    "interface": "endpoint_type",
    "object_store_service_type": "service_type",
    "object_store_endpoint_override": "storage_url",
    "cacert": "cacert",
    "cert": "cert",
    "key": "key",
}


def read(cloud, environ):
    """What a cloud of `clouds.yaml` says: attribute of Settings -> (where, value).

    `OS_CLIENT_CONFIG_FILE` and `OS_CLIENT_SECURE_FILE` of `environ` name files to look into first. Raises ConfigError
    when there is no such cloud, or no reader.
    """
    config = _load(cloud, environ)
    refuse_type(config.get("auth_type"), "auth_type of cloud %s" % cloud)
    where = "%s of cloud %s"
    found = {}
    for names, section in ((_AUTH, config.get("auth") or {}), (_CLOUD, config)):
        for name, attribute in names.items():
            if section.get(name) not in (None, ""):
                found[attribute] = (where % (name, cloud), section[name])
    if config.get("auth_type") == "v1password":
        found["auth_version"] = (where % ("auth_type", cloud), 1)
    if config.get("verify") is False:
        found["insecure"] = (where % ("verify", cloud), True)
    return found


def refuse_type(name, where):
    """Raises ConfigError for a way to log in that this driver does not have; `where` it is asked for."""
    if name and name not in _TYPES:
        raise ConfigError(plain("%s: %s is no way to log in here; there are: %s" % (where, name, ", ".join(_TYPES))))


def _refuse_broken(files):
    """Raises ConfigError where the first of these files that is there is no YAML; OpenStack's reader passes over it."""
    import yaml

    for path in files:
        if os.path.exists(path):
            try:
                with open(path) as file:
                    yaml.safe_load(file)
            except (ValueError, yaml.YAMLError) as error:
                # Not the parser's own text: that quotes the line, and the line may hold a password.
                mark = getattr(error, "problem_mark", None)
                place = ", line %s" % (mark.line + 1) if mark else ""
                raise ConfigError(plain("swift_cloud: %s is not valid YAML%s" % (path, place)))
            except EnvironmentError as error:
                raise ConfigError(plain("swift_cloud: %s cannot be read: %s" % (path, shown(error.strerror))))
            return


def _load(cloud, environ):
    try:
        from openstack.config import loader
        from openstack.exceptions import ConfigException
    except ImportError:
        raise ConfigError(
            plain(
                "swift_cloud: to read the cloud %s of clouds.yaml, pip install 'docker-registry-driver-swift[clouds]'"
                % cloud
            )
        )
    files = [name for name in (environ.get("OS_CLIENT_CONFIG_FILE"),) if name] + loader.CONFIG_FILES
    secure = [name for name in (environ.get("OS_CLIENT_SECURE_FILE"),) if name] + loader.SECURE_FILES
    _refuse_broken(files)
    _refuse_broken(secure)
    try:
        reader = loader.OpenStackConfig(config_files=files, secure_files=secure, load_envvars=False)
        return reader.get_one(cloud, validate=False).config
    except ConfigException as error:
        raise ConfigError(plain("swift_cloud: %s" % shown(error)))
