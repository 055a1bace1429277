"""Credentials from `clouds.yaml`, read by OpenStack's own reader (the extra `clouds`)."""

from docker_registry.core.exceptions import ConfigError

__all__ = ["read"]

# What the reader calls it -> the attribute of Settings; first those of the section `auth`.
_AUTH = {
    "auth_url": "auth_url",
    "username": "user",
    "user_id": "user_id",
    "password": "password",
    "project_name": "tenant_name",
    "project_id": "tenant_id",
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
    where = "%s of cloud %s"
    found = {}
    for names, section in ((_AUTH, config.get("auth") or {}), (_CLOUD, config)):
        for name, attribute in names.items():
            if section.get(name) not in (None, ""):
                found[attribute] = (where % (name, cloud), section[name])
    if config.get("verify") is False:
        found["insecure"] = (where % ("verify", cloud), True)
    return found


def _load(cloud, environ):
    try:
        from openstack.config import loader
        from openstack.exceptions import ConfigException
    except ImportError:
        raise ConfigError(
            "swift_cloud: to read the cloud %s of clouds.yaml, pip install 'docker-registry-driver-swift[clouds]'"
            % cloud
        )
    files = [name for name in (environ.get("OS_CLIENT_CONFIG_FILE"),) if name] + loader.CONFIG_FILES
    secure = [name for name in (environ.get("OS_CLIENT_SECURE_FILE"),) if name] + loader.SECURE_FILES
    try:
        reader = loader.OpenStackConfig(config_files=files, secure_files=secure, load_envvars=False)
        return reader.get_one(cloud, validate=False).config
    except ConfigException as error:
        raise ConfigError("swift_cloud: %s" % error)
