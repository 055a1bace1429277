"""One token for all connections."""

import threading
import time

import swiftclient
from keystoneauth1 import session as keystone_session
from keystoneauth1.identity import v2, v3

__all__ = ["Access", "Auth"]

MARGIN = 60  # seconds before its end at which a token is renewed
_clock = getattr(time, "monotonic", time.time)


class Access(object):
    """The right to use an account: `url` (of the account in Swift), `token`."""

    def __init__(self, url, token, renew_at=None):
        self.url = url
        self.token = token
        self.renew_at = renew_at

    def __repr__(self):
        return "Access(%r, ***)" % self.url


class Auth(object):
    """The one source of tokens of a driver."""

    def __init__(self, settings):
        self._settings = settings
        self._lock = threading.Lock()
        self._access = None

    def access(self):
        access = self._access
        if access is None or (access.renew_at is not None and _clock() >= access.renew_at):
            return self.renew(access)
        return access

    def renew(self, access):
        with self._lock:
            if self._access is None or self._access is access:
                self._access = self._request()
            return self._access

    def describe(self):
        return "user %s at %s" % (self._settings.user, self._settings.auth_url)

    def _request(self):
        s = self._settings
        if s.auth_version == 1:
            url, token = swiftclient.get_auth(
                s.auth_url,
                s.user,
                s.password,
                auth_version="1",
                cacert=s.cacert,
                insecure=s.insecure,
                timeout=s.timeout,
            )
            return Access(s.storage_url or url, token)
        session = keystone_session.Session(verify=s.cacert or not s.insecure, timeout=s.timeout)
        if s.auth_version == 2:
            plugin = v2.Password(
                s.auth_url, username=s.user, password=s.password, tenant_name=s.tenant_name, tenant_id=s.tenant_id
            )
        else:
            plugin = v3.Password(
                s.auth_url,
                username=s.user,
                user_id=s.user_id,
                password=s.password,
                user_domain_id=s.user_domain_id,
                user_domain_name=s.user_domain_name,
                project_name=s.tenant_name,
                project_id=s.tenant_id,
                project_domain_id=s.project_domain_id,
                project_domain_name=s.project_domain_name,
            )
        access = plugin.get_access(session)
        url = s.storage_url or access.service_catalog.url_for(
            service_type=s.service_type, interface=s.endpoint_type, region_name=s.region_name
        )
        lifetime = (access.expires - access.issued).total_seconds()
        return Access(url, access.auth_token, _clock() + lifetime - min(MARGIN, lifetime / 2))
