"""Every option of the swift driver: its name, what it may hold, its default, what it means.

The one source of this table: `config.py` reads it, the documentation is checked against it.
"""

from collections import namedtuple

__all__ = ["BY_ATTRIBUTE", "BY_NAME", "OPTIONS", "Option"]

# name: as written in config.yml. attribute: of Settings. kind: a reader in values.py. default: None is unset.
# env: environment variables that stand for it, the first that is set counts. text: one line for the documentation.
Option = namedtuple("Option", "name attribute kind default env text")

KIB = 1024
MIB = 1024 * KIB


def _option(name, kind, default, env, text, attribute=None):
    if attribute is None:
        attribute = name[len("swift_") :] if name.startswith("swift_") else name
    return Option(name, attribute, kind, default, tuple(env.split()), text)


OPTIONS = (
    # Where
    _option("storage_path", "text", "/", "", "Root of the registry inside the container; `/` is no prefix."),
    _option(
        "swift_container", "container", "dev_container", "", "Container for everything; created when it is missing."
    ),
    _option("swift_storage_policy", "text", None, "", "Storage policy of a container that the driver creates."),
    # Who
    _option(
        "swift_authurl",
        "url",
        None,
        "OS_AUTH_URL ST_AUTH",
        "Where to get a token, such as `https://keystone.example.org:5000/v3`; for v1 `https://swift.example.org/auth/v1.0`.",
        "auth_url",
    ),
    _option(
        "swift_auth_version",
        "auth_version",
        None,
        "OS_IDENTITY_API_VERSION OS_AUTH_VERSION ST_AUTH_VERSION",
        "`1`, `2` or `3`. Unset: read off the end of `swift_authurl` (`/v3`, `/v2.0`, `/auth`, `/v1.0`); where that "
        "does not say, `3` if an option needs it, else what the server offers.",
    ),
    _option("swift_user", "text", None, "OS_USERNAME ST_USER", "User name; for v1 `account:user`."),
    _option("swift_user_id", "text", None, "OS_USER_ID", "User id, in place of the name and its domain."),
    _option("swift_password", "secret", None, "OS_PASSWORD ST_KEY", "Password of the user; for v1 the key."),
    _option(
        "swift_tenant_name", "text", None, "OS_PROJECT_NAME OS_TENANT_NAME", "Project (tenant) that owns the container."
    ),
    _option(
        "swift_tenant_id",
        "text",
        None,
        "OS_PROJECT_ID OS_TENANT_ID",
        "Project id, in place of the name and its domain.",
    ),
    _option(
        "swift_domain_name",
        "text",
        None,
        "OS_DEFAULT_DOMAIN_NAME",
        "v3: domain of user and project, where their own is not given.",
    ),
    _option(
        "swift_domain_id", "text", None, "OS_DEFAULT_DOMAIN_ID OS_DEFAULT_DOMAIN", "The same by id; unset: `default`."
    ),
    _option("swift_user_domain_name", "text", None, "OS_USER_DOMAIN_NAME", "v3: domain of the user."),
    _option("swift_user_domain_id", "text", None, "OS_USER_DOMAIN_ID", "The same by id."),
    _option(
        "swift_project_domain_name",
        "text",
        None,
        "OS_PROJECT_DOMAIN_NAME",
        "v3: domain of the project; unset: the user's.",
    ),
    _option("swift_project_domain_id", "text", None, "OS_PROJECT_DOMAIN_ID", "The same by id."),
    _option(
        "swift_application_credential_id",
        "text",
        None,
        "OS_APPLICATION_CREDENTIAL_ID",
        "v3: application credential, in place of user, password and project.",
    ),
    _option(
        "swift_application_credential_name",
        "text",
        None,
        "OS_APPLICATION_CREDENTIAL_NAME",
        "The same by name; needs the user too, not the password.",
    ),
    _option(
        "swift_application_credential_secret",
        "secret",
        None,
        "OS_APPLICATION_CREDENTIAL_SECRET",
        "Secret of the application credential.",
    ),
    _option(
        "swift_token",
        "secret",
        None,
        "OS_TOKEN OS_AUTH_TOKEN",
        "A token, in place of user and password; it cannot be renewed. With `swift_object_storage_url` it needs no "
        "`swift_authurl`.",
    ),
    _option("swift_trust_id", "text", None, "OS_TRUST_ID", "v3: trust to act under, in place of a project."),
    _option(
        "swift_cloud",
        "text",
        None,
        "OS_CLOUD",
        "Cloud of `clouds.yaml` that fills in what is not set here; needs the extra `clouds`.",
    ),
    # Which endpoint
    _option(
        "swift_region_name",
        "text",
        None,
        "OS_REGION_NAME",
        "Region, where the catalogue has several; unset: the first.",
    ),
    _option(
        "swift_endpoint_type",
        "interface",
        "public",
        "OS_ENDPOINT_TYPE OS_INTERFACE",
        "`public`, `internal` or `admin` (`publicURL` ... are understood).",
    ),
    _option("swift_service_type", "text", "object-store", "OS_SERVICE_TYPE", "Service type of Swift in the catalogue."),
    _option(
        "swift_object_storage_url",
        "url",
        None,
        "OS_STORAGE_URL",
        "URL of the Swift account, in place of the one in the catalogue.",
        "storage_url",
    ),
    # TLS
    _option("swift_cacert", "file", None, "OS_CACERT", "File of the certificates that sign Swift's and Keystone's."),
    _option("swift_cert", "file", None, "OS_CERT", "File of the client certificate, if they ask for one."),
    _option("swift_cert_key", "file", None, "OS_KEY", "File of its key; unset: in the same file.", "key"),
    _option(
        "swift_insecure",
        "boolean",
        False,
        "OS_INSECURE SWIFTCLIENT_INSECURE",
        "`true` trusts any certificate. For trials only.",
    ),
    # How
    _option(
        "swift_segment_size",
        "size",
        32 * MIB,
        "",
        "Size of the segments of large objects; smaller files are plain objects.",
    ),
    _option("swift_concurrency", "count", 3, "", "Segments sent at the same time for one stream."),
    _option("swift_memory", "size", 192 * MIB, "", "Memory for all segments in flight in one process."),
    _option(
        "swift_checksums",
        "boolean",
        True,
        "",
        "Compare the MD5 of each segment with what Swift stored. `false` halves the CPU of a push, and leaves it to "
        "TCP or TLS that bytes arrive as they were sent.",
    ),
    _option(
        "swift_newest",
        "boolean",
        True,
        "",
        "Read what may have changed, such as tags, from the newest of all replicas. `false` takes the first replica "
        "that answers, which may be an old one after an outage of its node.",
    ),
    _option(
        "swift_pool_size",
        "count",
        96,
        "",
        "Connections to Swift in one process, at least 2; five eighths of them may send bodies to clients.",
    ),
    _option("swift_pool_timeout", "seconds", 60, "", "Seconds to wait for a free connection."),
    _option("swift_connect_timeout", "seconds", 10, "", "Seconds to wait for a connection to be made, TLS included."),
    _option(
        "swift_timeout",
        "seconds",
        60,
        "",
        "Seconds to wait for each MiB that is sent, for an answer to begin, and for its next bytes.",
    ),
    _option("swift_retries", "integer", 4, "", "Further tries after a failure that may pass; `0` for none."),
    _option(
        "swift_temp_url_key",
        "secret",
        None,
        "",
        "TempURL key of the account or container: clients then read layers straight from Swift.",
    ),
    _option("swift_temp_url_ttl", "seconds", 1200, "", "Seconds for which such a URL is valid."),
)

BY_NAME = {option.name: option for option in OPTIONS}
BY_ATTRIBUTE = {option.attribute: option for option in OPTIONS}
