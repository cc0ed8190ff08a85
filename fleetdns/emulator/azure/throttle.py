"""The documented request limits: ARM's token buckets per subscription, and Traffic Manager's own windows of 20 seconds.

A refused request costs nothing and is told how long to wait; one that comes before that is over is refused as well,
and told what is left. Everything is counted always; refusing is a switch of the service. All clients of a subscription
share its buckets: tokens are not looked into, so there is one principal.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from fleetdns.emulator.azure.errors import throttled
from fleetdns.emulator.azure.routing import Route

WINDOW = 20.0
_CLOSE_ENOUGH = 1e-6  # seconds; who waited as told must not come too early by a rounded sum

# A third of the documented number per minute.
_WINDOW_LIMITS: Mapping[str, int] = {
    "profile writes": 200,
    "profile reads": 150,
    "profile deletes": 50,
    "profile lists": 150,
    "name checks": 100,
    "endpoint writes": 100,
    "endpoint reads": 500,
    "user metrics key calls": 50,
    "heat map reads": 50,
    "geographic hierarchy reads": 50,
}
_WINDOW_OF: Mapping[str, str] = {
    "profiles.put": "profile writes",
    "profiles.patch": "profile writes",
    "profiles.get": "profile reads",
    "profiles.delete": "profile deletes",
    "profiles.list": "profile lists",
    "names.check": "name checks",
    "endpoints.put": "endpoint writes",
    "endpoints.patch": "endpoint writes",
    "endpoints.delete": "endpoint writes",
    "endpoints.get": "endpoint reads",
    "metricskeys.get": "user metrics key calls",
    "metricskeys.put": "user metrics key calls",
    "metricskeys.delete": "user metrics key calls",
    "heatmap.get": "heat map reads",
    "geography.get": "geographic hierarchy reads",
}


@dataclass(frozen=True, slots=True)
class _Rate:
    capacity: float
    per_second: float


_BUCKETS: Mapping[str, _Rate] = {"reads": _Rate(250, 25), "writes": _Rate(200, 10), "deletes": _Rate(200, 10)}
_GLOBAL_BUCKETS: Mapping[str, _Rate] = {
    name: _Rate(rate.capacity * 15, rate.per_second * 15) for name, rate in _BUCKETS.items()
}


@dataclass(slots=True)
class _Bucket:
    rate: _Rate
    tokens: float
    at: float
    closed_until: float = 0.0  # what somebody was told to wait for

    def refill(self, now: float) -> None:
        self.tokens = min(self.rate.capacity, self.tokens + (now - self.at) * self.rate.per_second)
        self.at = now

    def wait(self) -> int:
        """Whole seconds until it takes a request again; 0 for at once."""
        if self.tokens < 1 and self.at >= self.closed_until - _CLOSE_ENOUGH:
            self.closed_until = self.at + math.ceil((1 - self.tokens) / self.rate.per_second)
        return max(0, math.ceil(self.closed_until - self.at - _CLOSE_ENOUGH))


@dataclass(slots=True)
class _Window:
    began: float
    used: int = 0


class Throttle:
    """Counts one request at a time: `admit` gives the rate headers of its answer, or refuses it."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._windows: dict[tuple[str, str], _Window] = {}

    def admit(self, route: Route, now: float, *, refuses: bool) -> dict[str, str]:
        """The x-ms-ratelimit headers. Raises ArmError 429 with Retry-After when a limit is reached and `refuses`."""
        kind = _kind(route.method)
        scope = route.subscription.casefold()
        buckets = (
            self._bucket(scope, kind, _BUCKETS[kind], now),
            self._bucket(scope, f"global-{kind}", _GLOBAL_BUCKETS[kind], now),
        )
        window = self._window(route, now)
        if refuses:
            self._refuse(route, buckets, window, now)
        for bucket in buckets:
            bucket.tokens = max(0.0, bucket.tokens - 1)
        if window is not None:
            window.used += 1
        return _headers(route, kind, buckets, window)

    def _refuse(self, route: Route, buckets: tuple[_Bucket, ...], window: _Window | None, now: float) -> None:
        wait = max(bucket.wait() for bucket in buckets)
        if wait > 0:
            raise throttled("SubscriptionRequestsThrottled", retry_after=wait, what=_kind(route.method))
        if window is not None and window.used >= _WINDOW_LIMITS[_WINDOW_OF[route.operation]]:
            left = max(1, math.ceil(window.began + WINDOW - now))
            raise throttled("TooManyRequests", retry_after=left, what=_WINDOW_OF[route.operation])

    def _bucket(self, scope: str, name: str, rate: _Rate, now: float) -> _Bucket:
        bucket = self._buckets.setdefault((scope, name), _Bucket(rate, rate.capacity, now))
        bucket.refill(now)
        return bucket

    def _window(self, route: Route, now: float) -> _Window | None:
        name = _WINDOW_OF.get(route.operation)
        if name is None:
            return None
        key = (route.subscription.casefold(), name)
        window = self._windows.get(key)
        if window is None or now >= window.began + WINDOW - _CLOSE_ENOUGH:
            window = self._windows[key] = _Window(now)
        return window


def _kind(method: str) -> str:
    return {"GET": "reads", "DELETE": "deletes"}.get(method, "writes")


def _headers(route: Route, kind: str, buckets: tuple[_Bucket, _Bucket], window: _Window | None) -> dict[str, str]:
    """Recorded: profile calls carry the service's own counter instead of ARM's."""
    if route.operation.startswith("profiles.") and window is not None:
        left = _WINDOW_LIMITS[_WINDOW_OF[route.operation]] - window.used
        return {"x-ms-ratelimit-remaining-subscription-resource-requests": str(max(0, left))}
    subject = "subscription" if route.subscription else "tenant"
    own, whole = (str(int(bucket.tokens)) for bucket in buckets)
    return {
        f"x-ms-ratelimit-remaining-{subject}-{kind}": own,
        f"x-ms-ratelimit-remaining-{subject}-global-{kind}": whole,
    }
