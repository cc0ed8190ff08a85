"""How long a token is good for, and when it is time for the next one. Times are unix seconds."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec

SHORTEST_LIFE = 600  # seconds; the API server gives no shorter token
LONGEST_LIFE = 2**32  # seconds
DEFAULT_LIFE = 7 * 24 * 3600  # seconds; what member-kubeconfig asks for, and who does not know what he has

_HALF = 0.5
_TRIES_LEFT = 10  # a pause after a failure leaves room for so many more before the end
_SHORTEST_PAUSE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Life:
    """From when to when a token is good."""

    begins: float
    ends: float

    @property
    def seconds(self) -> float:
        return self.ends - self.begins


@dataclass(frozen=True, slots=True)
class Granted:
    """A new token and for how many seconds the server gave it, which may be fewer than were asked for."""

    token: str
    seconds: int


class _Claims(msgspec.Struct):
    iat: float
    exp: float


_CLAIMS = msgspec.json.Decoder(_Claims)


def life_of(token: str) -> Life | None:
    """What a JWT says of itself; None for a token that is none, and does not tell. Nothing is verified."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = _CLAIMS.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):  # msgspec's errors are ValueErrors, as is a text that is not ASCII
        return None
    return Life(claims.iat, claims.exp) if claims.exp > claims.iat else None


def by_our_clock(life: Life | None, *, now: float) -> Life | None:
    """The life of a token first seen now. Nobody sees one before it is given: then our clock is behind the hub's."""
    if life is None or life.begins <= now:
        return life
    return Life(now, now + life.seconds)


def until_renewal(life: Life | None, *, now: float) -> float:
    """Seconds until half of its life is over; 0: at once, also where its life is not known."""
    return max(0.0, life.begins + life.seconds * _HALF - now) if life is not None else 0.0


def pause(backoff: float, life: Life | None, *, now: float) -> float:
    """Seconds to wait after a failed renewal: the back-off, but shorter while little is left of the token's life.

    After its end, too: a good token may be put into the file at any time.
    """
    left = life.ends - now if life is not None else 0.0
    return min(backoff, max(_SHORTEST_PAUSE, left / _TRIES_LEFT)) if left > 0 else backoff


def asked_life(life: Life | None) -> int:
    """Seconds to ask for: as many as the present token was given."""
    return max(SHORTEST_LIFE, round(life.seconds)) if life is not None else DEFAULT_LIFE
