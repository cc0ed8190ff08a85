"""What an answer or an exception of Azure's means for the caller: a class of fleetdns.errors, by status and code alone.

status          code                                    class
404             any, on a read or a delete              none: absence is the answer
404             any, on a PATCH or an endpoint PUT      Transient: the profile is gone, observe again
404             SubscriptionNotFound, on a read         Rejected: says nothing about profiles
404             none                                    Unavailable: not Resource Manager's answer, proves nothing
409             Conflict                                Conflict
429             RetryableErrorDueToAnotherOperation     Conflict
429             any other                               Throttled
503             any, with Retry-After                   Throttled
403             LinkedAuthorizationFailed               Rejected: it is about one target, not about the call
401, 403        any other                               Forbidden
408, 5xx        any other                               Unavailable
other 4xx       any                                     Rejected
anything else   any                                     Unavailable: an answer the API does not have
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

import aiohttp
import msgspec
from azure.core.exceptions import (
    AzureError,
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
)

from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Rejected, Throttled, Transient, Unavailable

Operation = Literal[
    "get_profile",
    "list_group",
    "list_subscription",
    "put_profile",
    "patch_profile",
    "delete_profile",
    "put_endpoint",
    "delete_endpoint",
    "check_name",
    "list_public_ips",
]
UNDECODABLE_ANSWER = "UndecodableAnswer"

_ABSENCE_IS_AN_ANSWER = frozenset({"get_profile", "list_group", "delete_profile", "delete_endpoint"})
_DELETES = frozenset({"delete_profile", "delete_endpoint"})
_NEEDS_THE_PROFILE = frozenset({"patch_profile", "put_endpoint"})
_CONTENT = frozenset({400, 413, 422})  # refusals of what was sent, not of sending anything
_DEFAULT_PAUSE = 20.0  # seconds; Traffic Manager counts calls over this long
_LONGEST_PAUSE = 3600.0  # seconds; ARM's longest window: more than that is a broken clock, not a wish
_LONGEST_SENTENCE = 512

_VOLATILE = re.compile(
    r"""[(\[]?\b(?:(?:client[\s-]?)?request|correlation|trace|tracking|activity|operation)[\s_-]?id\b\W{0,4}[\w-]+[)\]]?
      | \b(?:timestamp|time[ ]stamp)\b\W{0,4}
      | \b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|\s?[+-]\d\d:?\d\d)?
      | \b\d{1,2}/\d{1,2}/\d{4}[ ]\d{1,2}:\d\d:\d\d(?:[ ][AP]M)?""",
    re.IGNORECASE | re.VERBOSE,
)


class _ErrorBody(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None
    details: list[_ErrorBody] | None = None


class _Envelope(msgspec.Struct):
    error: _ErrorBody | None = None
    code: str | int | None = None
    message: str | None = None


def classify(
    status: int, code: str, message: str, *, retry_after: float | None, operation: Operation, remedy: str = ""
) -> FleetDNSError | None:
    """The error an answer stands for; None where 404 is an answer like any other. `retry_after` in seconds.

    `remedy`: what to do about it, for the end of the sentence.
    """
    sentence = _sentence(status, code, message)
    sentence = f"{sentence.rstrip('.')}; {remedy}" if remedy else sentence
    if status == 404:
        return _not_found(code, sentence, operation)
    code = code or _phrase(status)
    match status:
        case 403 if code.lower() == "linkedauthorizationfailed":
            return Rejected(code, sentence)
        case 401 | 403:
            return Forbidden(code, sentence)
        case 409 if code.lower() == "conflict":
            return Conflict(code, sentence)
        case 429 if code.lower() == "retryableerrorduetoanotheroperation":
            return Conflict(code, sentence)
        case 429:
            return Throttled(code, sentence, retry_after=_DEFAULT_PAUSE if retry_after is None else retry_after)
        case 503 if retry_after is not None:
            return Throttled(code, sentence, retry_after=retry_after)
        case 408:
            return Unavailable(code, sentence)
        case _ if 400 <= status < 500:
            return Rejected(code, sentence, is_content=status in _CONTENT)
    return Unavailable(code, sentence)


def classify_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    operation: Operation,
    now: datetime,
    remedy: Callable[[int, str], str] = lambda status, code: "",
) -> FleetDNSError | None:
    """As `classify`, from an answer as it came. `now` is for a Retry-After that is a date; keys in any case.

    `remedy(status, code)`: what to do about it, "" where there is nothing to add.
    """
    code, message = read_error(body)
    retry_after = next((value for name, value in headers.items() if name.lower() == "retry-after"), None)
    return classify(
        status,
        code,
        message,
        retry_after=pause(retry_after, now=now),
        operation=operation,
        remedy=remedy(status, code),
    )


def read_error(body: bytes) -> tuple[str, str]:
    """Code and message of an error's body, "" for what it does not say: not every answer comes from ARM."""
    try:
        envelope = msgspec.json.decode(body.removeprefix(BOM_UTF8), type=_Envelope)
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        return "", ""
    error = envelope.error or _ErrorBody(envelope.code, envelope.message)
    return str(error.code or ""), " ".join(_messages(error))


def _messages(error: _ErrorBody) -> list[str]:
    """What it says and what its details add, outermost first: "Please see details." alone helps nobody."""
    said = [error.message] if error.message else []
    for detail in error.details or ():
        said += [inner for inner in _messages(detail) if not any(inner in outer for outer in said)]
    return said


def pause(retry_after: str | None, *, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for; None where it says nothing that can be understood."""
    if not retry_after:
        return None
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # a number longer than any that a date or a zone can have
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), _LONGEST_PAUSE)


def cleaned(message: str) -> str:
    """A message without what differs from one answer to the next, short enough for a condition."""
    # Terminals obey some of what cannot be printed, and a condition is read on one.
    printable = "".join(letter if letter.isprintable() else " " for letter in message)
    text = " ".join(_VOLATILE.sub(" ", printable).split()).strip(" ,;:-")
    return text if len(text) <= _LONGEST_SENTENCE else text[: _LONGEST_SENTENCE - 1].rstrip() + "…"


def misreading(error: Exception) -> str:
    """Why a body is not what the API promises, from what decoding it raised: which field, if it is JSON at all."""
    return str(error) if isinstance(error, msgspec.ValidationError) else "it is no JSON"


def undecodable(because: str) -> Transient:
    """An answer with a good status and a body that says something else than the API promises."""
    return Transient(UNDECODABLE_ANSWER, f"Azure's answer was not understood: {cleaned(because)}")


def timed_out(host: str) -> Unavailable:
    """Nothing came in time; a write may have happened all the same."""
    return Unavailable("Timeout", f"{_server(host)} did not answer in time")


def corrupt(host: str) -> Unavailable:
    """An answer that is not compressed as it says: a proxy's page, or one that broke; a write may have happened."""
    return Unavailable("CorruptAnswer", f"what came from {_server(host)} is not compressed as it says")


def unreachable(error: AzureError, host: str) -> Unavailable:
    """A failure below HTTP: no connection, or one that broke; a write may have happened all the same."""
    if isinstance(error, ServiceRequestTimeoutError | ServiceResponseTimeoutError):
        return timed_out(host)
    server = _server(host)
    match error.inner_exception:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
            return Unavailable("CertificateNotTrusted", f"the certificate of {server} is not trusted here")
        case aiohttp.ClientProxyConnectionError():
            return Unavailable("ConnectionFailed", f"the proxy on the way to {server} cannot be reached")
        case aiohttp.ClientConnectorDNSError():
            return Unavailable("ConnectionFailed", f"{server} cannot be reached: DNS does not know it here")
        case aiohttp.ClientConnectorError():
            return Unavailable("ConnectionFailed", f"{server} cannot be reached")
    return Unavailable("ConnectionBroken", f"the connection to {server} broke")


def _server(host: str) -> str:
    return f"Azure Resource Manager ({host})"


def _sentence(status: int, code: str, message: str) -> str:
    if status == 401 and code.lower() == "expiredauthenticationtoken":
        return "the token that was sent has expired"  # Azure's own sentence says when, and what time it is
    if status < 400:
        return f"Azure answered {status}, which is no answer to this call"
    return cleaned(message) or f"Azure answered {status} without saying why"


def _not_found(code: str, sentence: str, operation: Operation) -> FleetDNSError | None:
    if not code:
        return Unavailable(_phrase(404), sentence)
    if operation in _DELETES:
        return None
    if operation in _ABSENCE_IS_AN_ANSWER and code.lower() != "subscriptionnotfound":
        return None
    if operation in _NEEDS_THE_PROFILE:
        return Transient(code, sentence)
    return Rejected(code, sentence, is_content=False)  # where there is no group, less of it is not taken either


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase.replace(" ", "").replace("-", "")
    except ValueError:
        return f"Status{status}"
