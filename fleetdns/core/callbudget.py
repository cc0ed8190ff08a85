"""How many calls Azure is asked for: one token bucket per kind of call, and one line in which everybody waits.

Two limits count each call: Traffic Manager's own for its kind, and Resource Manager's for reads, writes and deletes.
Whoever asks for more than there is gets a place in the line and is told when to come back; nobody waits here.

who stands before whom    the one who came first; users have a head start of 30 s, deletions one of 150 s
an answer 429             closes the bucket that ran out, for everybody, until the time it names
what was reserved         and not used goes back
a place in the line       is given up by whoever does not come back in time
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from fleetdns.core.budget import TokenBucket
from fleetdns.core.calls import Call, DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile

Kind = Literal[
    "profile-writes",
    "profile-reads",
    "profile-deletes",
    "lists",
    "name-checks",
    "endpoint-writes",
    "endpoint-deletes",
]
Need = Mapping[Kind, int]

PROFILE_WRITES: Final = "profile-writes"
PROFILE_READS: Final = "profile-reads"
PROFILE_DELETES: Final = "profile-deletes"
LISTS: Final = "lists"
NAME_CHECKS: Final = "name-checks"
ENDPOINT_WRITES: Final = "endpoint-writes"
ENDPOINT_DELETES: Final = "endpoint-deletes"  # writes of endpoints to Traffic Manager, deletes to Resource Manager

DELETION, USER, BACKGROUND = 2, 1, 0  # urgencies

# Calls a minute, as Traffic Manager documents them; it counts in windows of 20 s.
TRAFFIC_MANAGER_LIMITS: Mapping[Kind, int] = {
    PROFILE_WRITES: 600,
    PROFILE_READS: 450,
    PROFILE_DELETES: 150,
    LISTS: 450,
    NAME_CHECKS: 300,
    ENDPOINT_WRITES: 300,
}
_WINDOW = 20.0
# Of what a window allows, the part that may come at once; the rest comes evenly. Together they never pass the window.
_AT_ONCE = 0.25

# Resource Manager's own buckets: (tokens, tokens a second).
_RESOURCE_MANAGER: Mapping[str, tuple[float, float]] = {
    "arm-reads": (250, 25),
    "arm-writes": (200, 10),
    "arm-deletes": (200, 10),
}
_RESOURCE_MANAGER_KIND: Mapping[str, str] = {
    PROFILE_WRITES: "arm-writes",
    PROFILE_READS: "arm-reads",
    PROFILE_DELETES: "arm-deletes",
    LISTS: "arm-reads",
    NAME_CHECKS: "arm-writes",  # a POST
    ENDPOINT_WRITES: "arm-writes",
    ENDPOINT_DELETES: "arm-deletes",
}
RESOURCE_MANAGER_CODE = "subscriptionrequeststhrottled"  # folded; the other codes are Traffic Manager's

# Seconds. Deletions are few, and free what others wait for; even so the last in rank waits for a bounded time.
_HEAD_START: Mapping[int, float] = {DELETION: 150.0, USER: 30.0, BACKGROUND: 0.0}
_PATIENCE = 5.0  # seconds that a place is kept for somebody who was told to be back
_SOON = 0.001  # seconds; a wait that no clock can measure never ends


@dataclass(frozen=True, slots=True)
class Wait:
    """Come back in so many seconds; the bucket called `kind` is why.

    `is_closed`: by an answer of Azure's, not for want of tokens.
    """

    seconds: float
    kind: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """Where somebody stands in the line, and for how many tokens by bucket. `waits_for`: the bucket that has too few;
    `due`: when its tokens will be there.
    """

    rank: tuple[float, int]
    tokens: Mapping[str, int]
    waits_for: str
    due: float


class CallBudget:
    """`limits`: calls a minute by kind; `percent` of every limit is used. `now`: seconds of one steady clock.

    An account is whoever asks: for what, does not matter. One account asks for one thing at a time.
    """

    def __init__(self, *, limits: Mapping[Kind, int] = TRAFFIC_MANAGER_LIMITS, percent: int = 90, now: float) -> None:
        share = percent / 100
        self._buckets: dict[str, TokenBucket] = {}
        for kind, a_minute in {**TRAFFIC_MANAGER_LIMITS, **limits}.items():
            window = a_minute / 60 * _WINDOW * share
            at_once = max(1.0, window * _AT_ONCE)
            rate = max(window - at_once, window / 2) / _WINDOW
            self._buckets[kind] = TokenBucket(capacity=at_once, rate=rate, now=now)
        for kind_of_all, (tokens, rate) in _RESOURCE_MANAGER.items():
            self._buckets[kind_of_all] = TokenBucket(capacity=tokens * share, rate=rate * share, now=now)
        self._places: dict[str, _Place] = {}
        self._reserved: dict[str, Counter[Kind]] = {}  # taken for an account, and not used yet
        self._refused_in_turn: set[str] = set()
        self._arrivals = 0
        self.refused: Counter[str] = Counter()  # by bucket: how often somebody was told to wait

    def reserve(self, account: str, need: Need, *, urgency: int, now: float) -> Wait | None:
        """Set calls aside for an account; None: it has them. What it has already counts.

        Nobody waits for more than a bucket can hold: the rest is asked for when it is needed.
        """
        reserved = self._reserved.get(account, Counter())
        wanted = self._at_once(need, now)
        missing = Counter({kind: count - reserved[kind] for kind, count in wanted.items() if count > reserved[kind]})
        if not missing:
            return None
        for name in [name for name, place in self._places.items() if place.due + _PATIENCE < now]:
            del self._places[name]
        tokens = _tokens(missing)
        rank = self._rank(account, urgency, now)
        wait = self._wait(tokens, self._before(account, rank), now)
        if wait is not None:
            self.refused[wait.kind] += 1
            self._refused_in_turn.add(account)
            self._places[account] = _Place(rank, tokens, wait.kind, now + wait.seconds)
            return wait
        for name, amount in tokens.items():
            self._buckets[name].take(now, amount)
        self._places.pop(account, None)
        self._refused_in_turn.discard(account)
        self._reserved[account] = reserved + missing
        return None

    def spend(self, account: str, kind: Kind, *, urgency: int, now: float) -> Wait | None:
        """One call of this kind is about to be made; None: it may. Uses what was reserved first."""
        closed = self._closed(kind, now)
        if closed is not None:
            self.refused[closed.kind] += 1
            self._refused_in_turn.add(account)
            return closed
        reserved = self._reserved.get(account, Counter())
        if not reserved[kind]:
            wait = self.reserve(account, {kind: 1}, urgency=urgency, now=now)
            if wait is not None:
                return wait
            reserved = self._reserved[account]
        reserved[kind] -= 1
        return None

    def release(self, account: str, *, now: float) -> None:
        """The account has done what it could: what it did not use goes back, and so does its place in the line, unless
        it was just told to wait.
        """
        for kind, count in self._reserved.pop(account, Counter()).items():
            for name in _buckets_of(kind):
                self._buckets[name].give_back(now, count)
        if account not in self._refused_in_turn:
            self._places.pop(account, None)
        self._refused_in_turn.discard(account)

    def throttled(self, kind: Kind, code: str, *, until: float) -> str:
        """Azure answered 429 to a call of this kind, or 503 with a time: nobody asks before. The bucket's name."""
        own, common = _buckets_of(kind)
        name = common if code.lower() == RESOURCE_MANAGER_CODE else own
        self._buckets[name].close(until)
        return name

    def answered(self, kind: Kind, *, now: float) -> None:
        """Azure did not ask for a pause: a bucket that was closed, and let one call try, is open for all again."""
        for name in _buckets_of(kind):
            self._buckets[name].prove(now)

    def available(self, now: float) -> Mapping[str, float]:
        """The tokens of every bucket, by name."""
        return {name: bucket.tokens(now) for name, bucket in self._buckets.items()}

    def _rank(self, account: str, urgency: int, now: float) -> tuple[float, int]:
        place = self._places.get(account)
        self._arrivals += 1
        mine = (now - _HEAD_START[urgency], self._arrivals)
        return mine if place is None else min(place.rank, mine)

    def _before(self, account: str, rank: tuple[float, int]) -> list[_Place]:
        """Those who stand before, in the order in which they come back."""
        before = (place for name, place in self._places.items() if name != account and place.rank < rank)
        return sorted(before, key=lambda place: place.due)

    def _ahead(self, name: str, before: Iterable[_Place], now: float) -> float:
        """The tokens of one bucket that belong to those who stand before. Who waits for another bucket claims none that
        grow again until then: a hundred deletions in the line leave the reads to others.

        of the reads, which grow by 2 a second     needs    reads that grow until then    belong to those before
        one who waits for reads                      1                                    1
        one who waits for a delete, due in 0.5 s     2      1                             1 more: 2 - 1
        one who waits for a delete, due in 5 s       3      10                            none more: 2 + 3 < 10

        So where there are 3 reads, the next who asks may have 1.
        """
        waited_for, claimed, lacking = 0, 0, 0.0
        for place in before:
            amount = place.tokens.get(name, 0)
            if place.waits_for == name:
                waited_for += amount
                continue
            claimed += amount
            lacking = max(lacking, claimed - self._buckets[name].grown(place.due - now))
        return waited_for + lacking

    def _wait(self, tokens: Mapping[str, int], before: list[_Place], now: float) -> Wait | None:
        waits = []
        for name, amount in tokens.items():
            bucket = self._buckets[name]
            seconds = bucket.wait(now, amount + self._ahead(name, before, now))
            waits.append((seconds, name, bucket.closed_for(now) > 0))
        seconds, name, is_closed = max(waits)
        return Wait(seconds, name, is_closed) if seconds > _SOON else None

    def _closed(self, kind: Kind, now: float) -> Wait | None:
        seconds, name = max((self._buckets[name].closed_for(now), name) for name in _buckets_of(kind))
        return Wait(seconds, name, is_closed=True) if seconds > _SOON else None

    def _at_once(self, need: Need, now: float) -> Mapping[Kind, int]:
        """What of a need the buckets can hold, together where two kinds count in one of them."""
        room = {name: max(1, int(bucket.room(now))) for name, bucket in self._buckets.items()}
        wanted: dict[Kind, int] = {}
        for kind, count in need.items():
            names = _buckets_of(kind)
            wanted[kind] = min(count, *(room[name] for name in names))
            for name in names:
                room[name] -= wanted[kind]
        return wanted


def needed(calls: Iterable[Call], *, reads: int = 0) -> Need:
    """What it takes to make these calls after so many reads of profiles."""
    need: Counter[Kind] = Counter({PROFILE_READS: reads} if reads else {})
    for call in calls:
        match call:
            case PutProfile() | PatchProfile():
                need[PROFILE_WRITES] += 1
            case DeleteProfile():
                need[PROFILE_DELETES] += 1
            case PutEndpoint():
                need[ENDPOINT_WRITES] += 1
            case DeleteEndpoint():
                need[ENDPOINT_DELETES] += 1
    return need


def _tokens(need: Need) -> Counter[str]:
    """Tokens by bucket."""
    tokens: Counter[str] = Counter()
    for kind, count in need.items():
        for name in _buckets_of(kind):
            tokens[name] += count
    return tokens


def _buckets_of(kind: Kind) -> tuple[str, str]:
    """Traffic Manager's, and Resource Manager's."""
    return ENDPOINT_WRITES if kind == ENDPOINT_DELETES else kind, _RESOURCE_MANAGER_KIND[kind]
