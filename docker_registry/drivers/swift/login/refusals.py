"""Why a login failed, and which option to change: the messages of identity.py and keystone.py. They hold no secret."""

import re

from keystoneauth1 import exceptions as failures

from docker_registry.core.exceptions import BrokenError, MissingError, UnreachableError

from ..compat import plain, shown
from ..http import errors

__all__ = [
    "describe",
    "no_endpoint",
    "no_project",
    "refused",
    "translate",
    "unreachable",
    "unreadable",
    "untrusted",
    "version_1",
]

_TRANSIENT = errors.TRANSIENT - {412}  # a login has no condition: what fails one is no login


def describe(settings):
    """The credential and where it is used, such as `user demo of project web at https://...`."""
    who = _who(settings)
    if settings.trust_id:
        who += " under trust %s" % settings.trust_id
    elif settings.tenant_name or settings.tenant_id:
        who += " of project %s" % (settings.tenant_name or settings.tenant_id)
    return "%s at %s" % (who, settings.auth_url or settings.storage_url)


def translate(settings, error):
    """The driver's error for what keystoneauth1, or the socket below it, raised."""
    where = settings.auth_url
    if isinstance(error, failures.SSLError):
        return untrusted(settings, error)
    if isinstance(error, (failures.ConnectionError, EnvironmentError)):
        return unreachable(settings, error)
    if not isinstance(error, failures.HttpError) or error.http_status == 404:
        return BrokenError(
            plain(
                "there is no Keystone%s at %s: check swift_authurl and swift_auth_version, "
                "logins of Swift's own end in /auth/v1.0 (%s)"
                % (" v%s" % settings.auth_version if settings.auth_version else "", where, _reason(error))
            )
        )
    status = error.http_status
    if status in _TRANSIENT or status >= 500:
        return UnreachableError(plain("Keystone at %s answers %s" % (where, status)))
    return BrokenError(
        plain("%s refuses to log in, with %s (%s): check swift_authurl" % (where, status, _reason(error)))
    )


def unreadable(settings, error):
    """What answered is not what keystoneauth1 understands."""
    return BrokenError(
        plain(
            "%s does not answer as a Keystone does: check swift_authurl (%s: %s)"
            % (settings.auth_url, type(error).__name__, shown(error))
        )
    )


def untrusted(settings, error):
    where, reason = settings.auth_url, _reason(error)
    if "certificate" not in reason:
        return BrokenError(plain("there is no TLS at %s (%s): check swift_authurl" % (where, reason)))
    return BrokenError(
        plain(
            "the TLS certificate of %s cannot be trusted (%s): write the file of the CA that signed it as "
            "swift_cacert, or the name that it is made out to in swift_authurl" % (where, reason)
        )
    )


def unreachable(settings, error):
    return UnreachableError(plain("no answer from %s (swift_authurl): %s" % (settings.auth_url, _reason(error))))


def version_1(settings, status):
    """Auth v1 answered with this status."""
    where = settings.auth_url
    if status in _TRANSIENT or status >= 500:
        return UnreachableError(plain("%s answers %s" % (where, status)))
    if status in (401, 403):
        return BrokenError(
            plain(
                "%s does not accept user %s: check swift_user (account:user) and swift_password"
                % (where, settings.user)
            )
        )
    return BrokenError(
        plain(
            "there is no auth v1 at %s: check swift_authurl, which mostly ends in /auth/v1.0, and swift_auth_version"
            % where
        )
    )


def refused(settings, version, projects):
    """Keystone knows better than to accept this login.

    `projects` are those that the user may use, None when the user may not even log in.
    """
    where, who = settings.auth_url, _who(settings)
    if projects is None:
        return BrokenError(plain("%s does not accept %s: %s" % (where, who, _wrong_login(settings, version))))
    if settings.trust_id:
        return BrokenError(
            plain(
                "%s knows %s, but as trustee of no valid trust %s: check swift_trust_id"
                % (where, who, settings.trust_id)
            )
        )
    return BrokenError(
        plain(
            "%s knows %s, but with no role in a project %s: check %s (%s)"
            % (
                where,
                who,
                settings.tenant_name or settings.tenant_id,
                _wrong_project(settings, version),
                _choice(projects),
            )
        )
    )


def no_project(settings, projects):
    """Keystone accepts a user who has no default project, and none was named."""
    return BrokenError(
        plain(
            "%s knows %s, who has no default project: write swift_tenant_name (%s)"
            % (settings.auth_url, _who(settings), _choice(projects))
        )
    )


def no_endpoint(settings, catalogue):
    """Which of service type, region and endpoint type is not in the catalogue, and what is there instead."""
    text = "the catalogue of %s has no %s: check %s (%s)"
    endpoints = [e for service in catalogue if service["type"] == settings.service_type for e in service["endpoints"]]
    if not endpoints:
        types = {service["type"] for service in catalogue}
        what, option = "service of type %s" % settings.service_type, "swift_service_type"
        return MissingError(plain(text % (settings.auth_url, what, option, _choice(types))))
    regions = {e["region_name"] for e in endpoints}
    if settings.region_name and settings.region_name not in regions:
        what, option = "region %s for Swift" % settings.region_name, "swift_region_name"
        return MissingError(plain(text % (settings.auth_url, what, option, _choice(regions))))
    here = [e for e in endpoints if settings.region_name in (None, e["region_name"])]
    interfaces = {re.sub("URL$", "", e["interface"]) for e in here}  # v2 says publicURL
    what, option = "%s endpoint for Swift" % settings.endpoint_type, "swift_endpoint_type"
    return MissingError(plain(text % (settings.auth_url, what, option, _choice(interfaces))))


def _who(settings):
    if settings.method == "token":
        return "swift_token"
    if settings.method == "application_credential":
        name = settings.application_credential_id or settings.application_credential_name
        return "application credential %s" % name
    return "user %s" % (settings.user or settings.user_id)


def _wrong_login(settings, version):
    if settings.method == "token":
        return "it is expired or revoked; write a new one, or log in with swift_user and swift_password"
    if settings.method == "application_credential":
        return (
            "it is unknown, expired or revoked, or its secret is wrong; check %s and "
            "swift_application_credential_secret, or make a new one"
            % ("swift_application_credential_%s" % ("id" if settings.application_credential_id else "name, swift_user"))
        )
    if settings.user_id:
        return "check swift_user_id and swift_password"
    if version == 2:
        return "check swift_user and swift_password"
    return "check swift_user, swift_password and swift_user_domain_name (%s)" % (
        "now domain " + (settings.user_domain_name or settings.user_domain_id or "default")
    )


def _wrong_project(settings, version):
    if settings.tenant_id:
        return "swift_tenant_id"
    if version == 2:
        return "swift_tenant_name"
    domain = settings.project_domain_name or settings.project_domain_id or "default"
    return "swift_tenant_name and swift_project_domain_name, now %s" % domain


def _choice(names):
    return "there are: " + (", ".join(sorted(name or "-" for name in names)) or "none")


def _reason(error):
    """The innermost reason; what libraries put around it repeats the URL at length."""
    text = re.sub(r"\(_ssl\.c:\d+\)|\(HTTP \d+\)|\(Request-ID: .*?\)", "", shown(error)).rstrip(" '\")(.,")
    return re.split(r"\] |: ", " ".join(text.split()))[-1] or type(error).__name__
