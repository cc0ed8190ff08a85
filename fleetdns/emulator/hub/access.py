"""Who is asking, by bearer token, and what they may: a known user everything, a stranger next to nothing."""

from __future__ import annotations

from fleetdns.emulator.hub import status
from fleetdns.emulator.hub.routes import PagePath, ResourcePath
from fleetdns.emulator.hub.tokens import ANONYMOUS, TokenIssuer, User

_OPEN_PAGES = ("healthz", "livez", "readyz", "version")


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


def check_access(user: User, path: ResourcePath | PagePath, *, method: str, raw_path: str, watching: bool) -> None:
    """Raises StatusError 403."""
    if user != ANONYMOUS:
        return
    if isinstance(path, PagePath):
        if path.parts[0] not in _OPEN_PAGES:
            raise status.forbidden_path(user.name, method.lower(), raw_path)
        return
    verb = path.verb(method, watching=watching)
    resource = f"{path.plural}/{path.subresource}" if path.subresource else path.plural
    scope = f'in the namespace "{path.namespace}"' if path.namespace else "at the cluster scope"
    why = f'User "{user.name}" cannot {verb} resource "{resource}" in API group "{path.group}" {scope}'
    raise status.forbidden(path.group, path.plural, path.name, why)
