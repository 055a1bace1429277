"""Log in at Keystone, v2.0 or v3, and find Swift in its catalogue."""

import datetime

from keystoneauth1 import exceptions as failures
from keystoneauth1.discover import Discover
from keystoneauth1.identity import v2, v3
from keystoneauth1.session import Session

from ..http.connection import StrictAdapter
from . import refusals

__all__ = ["log_in"]

DEFAULT_DOMAIN = "default"  # the id that every Keystone gives the domain it starts with


def log_in(settings):
    """(url, token, lifetime in seconds); raises as `identity.log_in` does, without retries."""
    session = _session(settings)
    try:
        version, url = settings.auth_version, settings.auth_url
        if version is None:
            version, url = _discover(session, url)
        access = _token(settings, session, version, url)
        if not access.auth_token:
            raise ValueError("its answer has no token")
        if not (_names_project(settings) or access.project_id):
            raise refusals.no_project(settings, _projects(settings, session, version, url) or [])
        storage_url = settings.storage_url or _endpoint(settings, access)
        return storage_url, access.auth_token, _lifetime(access)
    except (failures.ClientException, EnvironmentError) as error:
        raise refusals.translate(settings, error)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise refusals.unreadable(settings, error)
    finally:
        session.session.close()


def _names_project(settings):
    of_one = settings.method == "application_credential" or settings.trust_id
    return bool(of_one or settings.tenant_id or settings.tenant_name)


def _lifetime(access):
    """In seconds; by this machine's clock where the server does not say when it issued the token, as v2.0 need not."""
    try:
        issued = access.issued  # None with keystoneauth1 of Python 2.7
    except LookupError:
        issued = None
    return (access.expires - (issued or datetime.datetime.now(access.expires.tzinfo))).total_seconds()


def _token(settings, session, version, url):
    try:
        return _plugin(settings, version, url).get_access(session)
    except failures.NotFound:
        # Said of a URL that is not Keystone's, but also of some credentials.
        Discover(session, url, authenticated=False)
    except (failures.Unauthorized, failures.Forbidden):
        pass
    projects = None if settings.method == "application_credential" else _projects(settings, session, version, url)
    raise refusals.refused(settings, version, projects)


def _projects(settings, session, version, url):
    """The names of the projects that the user may use; None when the login itself is refused.

    Keystone answers 401 to a wrong password and to a wrong project alike; this tells them apart.
    """
    try:
        token = _plugin(settings, version, url, scoped=False).get_access(session).auth_token
    except failures.HttpError:
        return None
    try:
        answer = session.get(
            url + ("/tenants" if version == 2 else "/auth/projects"),
            headers={"X-Auth-Token": token},
            authenticated=False,
            log=False,
        )
        return sorted(p["name"] for p in answer.json()["tenants" if version == 2 else "projects"])
    except (failures.ClientException, LookupError, TypeError, ValueError):
        return []


def _session(settings):
    certificate = (settings.cert, settings.key) if settings.cert and settings.key else settings.cert
    session = Session(
        verify=False if settings.insecure else settings.cacert or True,
        cert=certificate,
        user_agent="docker-registry-driver-swift",
    )
    for scheme in ("http://", "https://"):
        session.session.mount(scheme, StrictAdapter(settings.timeout))
    # The constructor takes one number only.
    session.timeout = (settings.connect_timeout, settings.timeout)  # type: ignore[assignment]
    return session


def _plugin(settings, version, url, scoped=True):
    if version == 2:
        return _version_2(settings, url, scoped)
    return _version_3(settings, url, scoped)


def _discover(session, url):
    """(3 or 2, its URL): the newest version that the server at an unversioned URL offers."""
    offered = Discover(session, url, authenticated=False)
    if offered.url_for((3, 0)):
        return 3, url + "/v3"
    if offered.url_for((2, 0)):
        return 2, url + "/v2.0"
    raise failures.DiscoveryFailure("it offers neither v3 nor v2.0")


def _version_2(settings, url, scoped):
    scope = {"tenant_name": settings.tenant_name, "tenant_id": settings.tenant_id} if scoped else {}
    if settings.method == "token":
        return v2.Token(url, settings.token, **scope)
    user = {"user_id": settings.user_id} if settings.user_id else {"username": settings.user}
    return v2.Password(url, password=settings.password, **dict(user, **scope))


def _version_3(settings, url, scoped):
    if settings.method == "token":
        return v3.Token(url, settings.token, **_scope(settings, scoped))
    user = {"user_id": settings.user_id, "username": settings.user}
    if settings.user:
        user.update(_domain("user", settings.user_domain_id, settings.user_domain_name))
    if settings.method == "application_credential":
        user["application_credential_id"] = settings.application_credential_id
        user["application_credential_name"] = settings.application_credential_name
        user["application_credential_secret"] = settings.application_credential_secret
        return v3.ApplicationCredential(url, **user)
    return v3.Password(url, password=settings.password, **dict(user, **_scope(settings, scoped)))


def _scope(settings, scoped):
    if not scoped:
        return {"unscoped": True}
    if settings.trust_id:
        return {"trust_id": settings.trust_id}
    if settings.tenant_id:
        return {"project_id": settings.tenant_id}
    if not settings.tenant_name:
        return {}  # Keystone takes the user's default project
    domain = _domain("project", settings.project_domain_id, settings.project_domain_name)
    return dict(domain, project_name=settings.tenant_name)


def _domain(owner, by_id, by_name):
    if by_name and not by_id:
        return {owner + "_domain_name": by_name}
    return {owner + "_domain_id": by_id or DEFAULT_DOMAIN}


def _endpoint(settings, access):
    try:
        return access.service_catalog.url_for(
            service_type=settings.service_type, interface=settings.endpoint_type, region_name=settings.region_name
        ).rstrip("/")
    except failures.CatalogException:
        raise refusals.no_endpoint(settings, access.service_catalog.normalize_catalog())
