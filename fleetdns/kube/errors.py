"""What an API server's answer means: for a write a class of fleetdns.errors, for list and watch one of the runtime's.

status                           a write         a list or a watch
404 from the API server          the caller's    NotServed
409                              Conflict        -
410, 504 version too large       Transient       Expired
429                              Throttled       Throttled
503 with Retry-After             Throttled       Unavailable
401 from the API server          Forbidden       Unauthenticated
403 from the API server          Forbidden       Denied
403 NamespaceTerminating         Rejected        -
408, other 5xx, no answer        Transient       Unavailable
other 4xx from the API server    Rejected        Rejected
anything of somebody else's      Transient       Unavailable
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec

from fleetdns import errors
from fleetdns.runtime import listwatch

VERSION_TOO_LARGE = "ResourceVersionTooLarge"
NAMESPACE_TERMINATING = "NamespaceTerminating"

_DEFAULT_PAUSE = 1.0  # seconds; what the API server itself says when it says anything
_LONGEST_SENTENCE = 512


class Unreachable(Exception):
    """No answer, or none that could be read; a write may have happened all the same."""


class LineTooLong(Exception):
    """A line of a watch is longer than the transport takes."""


class Refused(Exception):
    """An answer other than success. `is_kubernetes`: it is the API server's own, not a proxy's in between."""

    def __init__(
        self,
        status: int,
        *,
        reason: str = "",
        message: str = "",
        retry_after: float | None = None,
        causes: frozenset[str] = frozenset(),
        is_kubernetes: bool = True,
    ) -> None:
        self.reason = reason or _phrase(status)
        super().__init__(f"{status} {self.reason}: {message}" if message else f"{status} {self.reason}")
        self.status = status
        self.message = message
        self.retry_after = retry_after
        self.causes = causes
        self.is_kubernetes = is_kubernetes

    @property
    def is_for_want_of_rights(self) -> bool:
        """The API server says 403 as well of what is to be made in a namespace that is being deleted."""
        return self.status == 403 and self.is_kubernetes and NAMESPACE_TERMINATING not in self.causes


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None
    causes: list[_Cause] = []


class _Status(msgspec.Struct, tag_field="kind", tag="Status"):
    reason: str = ""
    message: str = ""
    details: _Details | None = None


def refused(status: int, *, content_type: str, retry_after: str | None, body: bytes) -> Refused:
    """The answer as an exception. `retry_after`: the header, in seconds."""
    pause = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
    try:
        told = msgspec.json.decode(body, type=_Status)
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        # The API server itself answers in plain text where no handler knows the path, and when it is overrun.
        return Refused(status, retry_after=pause, is_kubernetes=content_type == "text/plain")
    details = told.details or _Details()
    return Refused(
        status,
        reason=told.reason,
        message=told.message,
        retry_after=details.retry_after_seconds or pause,
        causes=frozenset(cause.reason for cause in details.causes),
    )


def write_error(error: Refused | Unreachable) -> errors.FleetDNSError:
    """The class for a write, or a single read, that failed."""
    if isinstance(error, Unreachable):
        return errors.Transient("Unreachable", str(error))
    code, sentence = error.reason, _sentence(error)
    match error.status:
        case 429:
            return errors.Throttled(code, sentence, retry_after=error.retry_after or _DEFAULT_PAUSE)
        case 503 if error.retry_after is not None:
            return errors.Throttled(code, sentence, retry_after=error.retry_after)
        case status if not error.is_kubernetes or status in (408, 410) or not 400 <= status < 500:
            return errors.Transient(code, sentence)
        case 409:
            return errors.Conflict(code, sentence)
        case 401:
            return errors.Forbidden(code, sentence)
        case 403 if error.is_for_want_of_rights:
            return errors.Forbidden(code, sentence)
        case 403:
            return errors.Rejected(NAMESPACE_TERMINATING, sentence)
    return errors.Rejected(code, sentence)


def list_watch_error(error: Refused | Unreachable | LineTooLong) -> listwatch.ListWatchError:
    """The class for a list or a watch that failed."""
    if isinstance(error, LineTooLong):
        return listwatch.LineTooLong(str(error))
    if isinstance(error, Unreachable):
        return listwatch.Unavailable(str(error))
    match error.status:
        case 429:
            return listwatch.Throttled(error.retry_after)
        case 504 if VERSION_TOO_LARGE in error.causes:
            return listwatch.Expired(str(error))
        case status if not error.is_kubernetes or status == 408 or not 400 <= status < 500:
            return listwatch.Unavailable(str(error))
        case 410:
            return listwatch.Expired(str(error))
        case 404:
            return listwatch.NotServed(str(error))
        case 401:
            return listwatch.Unauthenticated(_sentence(error))
        case 403:
            return listwatch.Denied(_sentence(error))
    return listwatch.Rejected(error.status, str(error))


def _sentence(error: Refused) -> str:
    text = " ".join(error.message.split())
    if text:
        return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 1].rstrip() + "…"
    if error.status == 404 and error.is_kubernetes:
        return "the API server does not serve this kind; are its CRDs installed?"
    who = "the API server" if error.is_kubernetes else "something in front of the API server"
    return f"{who} answered {error.status} without saying why"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")
    except ValueError:
        return f"Status{status}"
