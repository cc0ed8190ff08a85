"""Faults put in on purpose: what goes wrong, for which calls, how often, and whether the work is done all the same.

kind           | answer
error          | the given status, code and message
throttled      | 429 TooManyRequests
in-progress    | 429 RetryableErrorDueToAnotherOperation
server-error   | 500 InternalServerError
unavailable    | 503 ServiceUnavailable
timeout        | 408 RequestTimeout
unauthorized   | 401 InvalidAuthenticationToken, with WWW-Authenticate
forbidden      | 403 AuthorizationFailed
conflict       | 409 Conflict, changes collided
unregistered   | 409 MissingSubscriptionRegistration
locked         | 409 ScopeLocked
garbage        | 502 with a page of HTML
drop           | none: the connection is closed
hang           | none: the connection stays open and silent
empty          | the real answer without its body
slow           | the real answer, late
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from fleetdns.emulator.azure.errors import CHANGES_COLLIDED, ArmError
from fleetdns.emulator.azure.exchange import Response
from fleetdns.emulator.azure.routing import Route

_ANSWERS: Mapping[str, tuple[int, str, str]] = {
    "error": (500, "InternalServerError", "An error was injected."),
    "throttled": (429, "TooManyRequests", "The request is being throttled."),
    "in-progress": (429, "RetryableErrorDueToAnotherOperation", "Another operation is in progress. Please retry."),
    "server-error": (500, "InternalServerError", "An unexpected error occurred."),
    "unavailable": (503, "ServiceUnavailable", "The service is unavailable."),
    "timeout": (408, "RequestTimeout", "The request timed out."),
    "unauthorized": (401, "InvalidAuthenticationToken", "The access token is invalid."),
    "forbidden": (403, "AuthorizationFailed", "The client does not have authorization to perform this action."),
    "conflict": (409, "Conflict", CHANGES_COLLIDED),
    "unregistered": (
        409,
        "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.Network'.",
    ),
    "locked": (409, "ScopeLocked", "The scope cannot perform this operation because it is locked."),
}
KINDS = (*_ANSWERS, "garbage", "drop", "hang", "empty", "slow")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `operation`, `group`, `profile` and `endpoint` are patterns as of a shell, compared without case; None fits all.
    `times` calls are hit, None is all of them; `until` is the moment, on the service's clock, when it ends.
    `after_commit`: the call does its work and only the answer goes wrong. `delay` seconds pass before the answer.
    `status`, `code`, `message` and `retry_after` (seconds) override what the kind says.
    """

    kind: str = "error"
    status: int | None = None
    code: str | None = None
    message: str | None = None
    retry_after: int | None = None
    operation: str | None = None
    group: str | None = None
    profile: str | None = None
    endpoint: str | None = None
    times: int | None = None
    until: float | None = None
    after_commit: bool = False
    delay: float = 0.0
    drop: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of fault: {self.kind}")

    def fits(self, route: Route) -> bool:
        pairs = (
            (self.operation, route.operation),
            (self.group, route.group),
            (self.profile, route.profile),
            (self.endpoint, route.endpoint),
        )
        return all(wanted is None or fnmatchcase(value.casefold(), wanted.casefold()) for wanted, value in pairs)

    @property
    def does_the_work(self) -> bool:
        return self.after_commit or self.kind in ("empty", "slow")

    def answer(self, real: Response) -> Response:
        """The answer in place of the real one."""
        return replace(
            self._wrong(real),
            delay=max(real.delay, self.delay),
            drop=self.drop or self.kind == "drop",
            hang=self.kind == "hang",
        )

    def _wrong(self, real: Response) -> Response:
        match self.kind:
            case "empty":
                return replace(real, body=b"")
            case "slow" | "drop" | "hang":
                return real
            case "garbage":
                page = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
                return Response(self.status or 502, {"Content-Type": "text/html"}, page)
            case _:
                return self._error().response()

    def _error(self) -> ArmError:
        status, code, message = _ANSWERS[self.kind]
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.kind == "unauthorized":
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token", error_description="The token is invalid."'
        return ArmError(self.status or status, self.code or code, self.message or message, headers=headers)


class Faults:
    """The faults in force, oldest first. A call is hit by the first that fits."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._next = 1

    def add(self, fault: Fault) -> int:
        """The number to remove it by."""
        number, self._next = self._next, self._next + 1
        self._faults[number] = fault
        return number

    def remove(self, number: int) -> None:
        self._faults.pop(number, None)

    def clear(self) -> None:
        self._faults.clear()

    def listed(self) -> dict[int, Fault]:
        return dict(self._faults)

    def take(self, route: Route, now: float) -> Fault | None:
        """The fault that hits this call; it has one time less from now on."""
        for number, fault in list(self._faults.items()):
            if fault.until is not None and now >= fault.until:
                del self._faults[number]
            elif fault.fits(route):
                self._count_down(number, fault)
                return fault
        return None

    def _count_down(self, number: int, fault: Fault) -> None:
        if fault.times is None:
            return
        if fault.times <= 1:
            del self._faults[number]
        else:
            self._faults[number] = replace(fault, times=fault.times - 1)
