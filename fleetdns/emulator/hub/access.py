"""Who is asking, by bearer token, and whether they may.

A stranger may do next to nothing. A known user may do everything or, where rights are enforced, what roles allow.
"""

from __future__ import annotations

import re

from aiohttp import web

from fleetdns.emulator.hub import queries, status, strategies
from fleetdns.emulator.hub.authorization import Attempt, Authorization
from fleetdns.emulator.hub.patches import APPLY
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.routes import PagePath, ResourcePath
from fleetdns.emulator.hub.status import StatusError
from fleetdns.emulator.hub.store import Key
from fleetdns.emulator.hub.tokens import ANONYMOUS, TokenIssuer, User

_OPEN_PAGES = ("healthz", "livez", "readyz", "version")
_ONE_NAME = re.compile(r"metadata\.name==?([^=!,]+)")


def user_of(authorization: str, tokens: TokenIssuer) -> User:
    """The user of an Authorization header; without a bearer token, the anonymous one. Raises StatusError 401."""
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        return ANONYMOUS
    user = tokens.user_of(token)
    if user is None:
        raise status.unauthorized()
    return user


class Access:
    """`authorization` None: whoever is known may do everything."""

    def __init__(self, hub: Hub, authorization: Authorization | None) -> None:
        self._hub = hub
        self._authorization = authorization

    def check(self, user: User, path: ResourcePath | PagePath, request: web.BaseRequest) -> None:
        """Raises StatusError 403."""
        attempt = _attempt(path, request)
        self._check(user, path, attempt)
        if self._authorization is not None and isinstance(path, ResourcePath) and self._would_create(path, request):
            # As a real server asks: a right to change is none to make.
            self._check(user, path, Attempt("create", attempt.group, attempt.resource, attempt.namespace, attempt.name))

    def _check(self, user: User, path: ResourcePath | PagePath, attempt: Attempt) -> None:
        if self._authorization is None:
            is_open = isinstance(path, PagePath) and path.parts[0] in _OPEN_PAGES
            if user == ANONYMOUS and not is_open:
                raise _refused(user, path, attempt, "")
            return
        verdict = self._authorization.judged(user, attempt)
        if not verdict.is_allowed:
            raise _refused(user, path, attempt, verdict.why)

    def _would_create(self, path: ResourcePath, request: web.BaseRequest) -> bool:
        is_apply = request.method == "PATCH" and request.headers.get("Content-Type", "").startswith(APPLY)
        is_put = request.method == "PUT" and (path.group, path.plural) in strategies.CREATES_ON_UPDATE
        if not (is_apply or is_put) or not path.name or path.subresource:
            return False
        resource = status.qualified(path.plural, path.group)
        return self._hub.store.get(resource, Key(path.namespace or "", path.name)) is None


def _attempt(path: ResourcePath | PagePath, request: web.BaseRequest) -> Attempt:
    if isinstance(path, PagePath):
        return Attempt(request.method.lower(), path=request.rel_url.path)
    verb = path.verb(request.method, watching=queries.is_watch(request.query))
    resource = f"{path.plural}/{path.subresource}" if path.subresource else path.plural
    name, namespace = path.name, path.namespace or ""
    if (path.group, path.plural) == ("", "namespaces"):
        # A namespace lies within itself, so that a role there can give rights on it.
        namespace = path.name
    chosen = _ONE_NAME.fullmatch(request.query.get("fieldSelector", ""))
    if chosen is not None and verb in ("list", "watch", "deletecollection"):
        name = chosen[1]
    return Attempt(verb, path.group, resource, namespace, name)


def _refused(user: User, path: ResourcePath | PagePath, attempt: Attempt, why: str) -> StatusError:
    if isinstance(path, PagePath):
        return status.forbidden_path(user.name, attempt.verb, attempt.path)
    scope = f'in the namespace "{attempt.namespace}"' if attempt.namespace else "at the cluster scope"
    words = (
        f'User "{user.name}" cannot {attempt.verb} resource "{attempt.resource}" in API group "{attempt.group}" {scope}'
    )
    return status.forbidden(path.group, path.plural, attempt.name, f"{words}: {why}" if why else words)
