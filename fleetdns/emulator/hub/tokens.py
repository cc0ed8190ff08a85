"""Bearer tokens and whose they are: the administrators', which last, and issued ones, which end.

An issued token ends with its time, when it is revoked, or with the first object it is bound to: a ServiceAccount that
is deleted takes its tokens with it, and one made again under the same name does not bring them back. A watch that is
open when its token ends goes on, as on a real server.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub.jwt import signed
from fleetdns.emulator.hub.store import Key, Store

# The audience of this server: tokens for others are of no use here.
AUDIENCE = "https://kubernetes.default.svc"
ADMINISTRATOR = "fleetdns-admin"
_ADMINISTRATORS = ("system:masters", "system:authenticated")


@dataclass(frozen=True, slots=True)
class User:
    """Who asks; of a ServiceAccount, uid is that of the object."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = _ADMINISTRATORS


ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))


@dataclass(frozen=True, slots=True)
class Bond:
    """An object without which a token is void."""

    resource: str
    key: Key
    uid: str


@dataclass(frozen=True, slots=True)
class Issued:
    """ends_at is in unix seconds."""

    user: User
    ends_at: float
    audiences: Collection[str]
    bonds: tuple[Bond, ...]


class TokenIssuer:
    """`administrators` maps tokens that never end to their users; it is looked at anew each time."""

    def __init__(self, store: Store, *, clock: Callable[[], float], administrators: Mapping[str, str]) -> None:
        self._store = store
        self._clock = clock
        self._administrators = administrators
        self._issued: dict[str, Issued] = {}
        self._key = secrets.token_bytes(32)

    def issue(
        self,
        user: User | str = ADMINISTRATOR,
        *,
        seconds: float,
        audiences: Collection[str] = (AUDIENCE,),
        bonds: tuple[Bond, ...] = (),
    ) -> str:
        """A new token that is good for so many seconds; a plain name makes an administrator."""
        now = self._clock()
        self._issued = {token: issued for token, issued in self._issued.items() if issued.ends_at > now}
        owner = User(user) if isinstance(user, str) else user
        issued = Issued(owner, now + seconds, audiences, bonds)
        token = signed(_claims(issued, now), self._key)
        self._issued[token] = issued
        return token

    def revoke(self, token: str) -> None:
        """The issued token is good for nothing from now on. Raises KeyError for one that is none."""
        del self._issued[token]

    def user_of(self, token: str, audiences: Collection[str] = (AUDIENCE,)) -> User | None:
        """Whose token it is, None where it is good for nothing, or not for one of these audiences."""
        name = self._administrators.get(token)
        if name is not None:
            return User(name)
        issued = self._issued.get(token)
        if issued is None or issued.ends_at <= self._clock() or not set(audiences) & set(issued.audiences):
            return None
        return issued.user if all(self._holds(bond) for bond in issued.bonds) else None

    def _holds(self, bond: Bond) -> bool:
        version = self._store.get(bond.resource, bond.key)
        return version is not None and version.decoded()["metadata"]["uid"] == bond.uid


def _claims(issued: Issued, now: float) -> dict[str, Any]:
    """What a real server writes into a token; times in whole seconds."""
    claims: dict[str, Any] = {
        "aud": list(issued.audiences),
        "exp": int(issued.ends_at),
        "iat": int(now),
        "iss": AUDIENCE,
        "jti": str(uuid.uuid4()),
        "nbf": int(now),
        "sub": issued.user.name,
    }
    bound = {bond.resource.removesuffix("s"): {"name": bond.key.name, "uid": bond.uid} for bond in issued.bonds}
    if "serviceaccount" in bound:
        claims["kubernetes.io"] = {"namespace": issued.bonds[0].key.namespace} | bound
    return claims
