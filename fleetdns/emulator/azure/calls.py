"""What clients asked: a bounded record of calls, with counters that never forget."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `body` is its decoded JSON, None without one; `status` is 0 where no answer came."""

    time: float
    method: str
    operation: str
    path: str
    status: int
    body: object

    @property
    def is_write(self) -> bool:
        return self.method in ("PUT", "PATCH", "DELETE")


class CallLog:
    """The latest calls in their order. A mark is a point in it to count from."""

    def __init__(self) -> None:
        self._calls: deque[Call] = deque(maxlen=_KEPT)
        self._total = 0
        self.counts: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._calls))

    def __len__(self) -> int:
        return len(self._calls)

    def record(self, call: Call) -> None:
        self._calls.append(call)
        self._total += 1
        self.counts[call.operation] += 1

    def mark(self) -> int:
        return self._total

    def since(self, mark: int) -> tuple[Call, ...]:
        """The calls after the mark, as far as they are still kept."""
        kept = tuple(self._calls)
        return kept[max(0, len(kept) - (self._total - mark)) :] if mark < self._total else ()
