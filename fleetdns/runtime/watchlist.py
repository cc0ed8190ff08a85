"""The whole state as the beginning of a watch (WatchList): whether a server has that, and how it becomes one state."""

from typing import Generic, TypeVar

from .events import Applied, Deleted, Replaced, Unknown
from .listwatch import Entry, ListWatchError
from .watchline import WatchLine

K = TypeVar("K")
T = TypeVar("T")

ASK_AGAIN_AFTER = 3600.0


class NotStreamed(ListWatchError):
    """The server has taken the watch and does not begin it with the state: it does not know the parameter."""


class Incomplete(ListWatchError):
    """The stream ended before the state was whole."""


class WatchListSupport:
    """Whether one server begins watches with the state. One value for all informers of that server.

    It is expected to until it refuses. That is remembered for ask_again_after seconds, because servers are upgraded
    under a running controller: the first state needed after that is asked for as a stream once more. A server that
    still has not got it then costs one refused request, or half a minute of one relist. One that was rolled back says
    so itself at the next relist.
    """

    def __init__(self, *, ask_again_after: float = ASK_AGAIN_AFTER) -> None:
        self._ask_again_after = ask_again_after
        self._refused_at: float | None = None

    def is_expected(self, now: float) -> bool:
        """now: the loop's time."""
        return self._refused_at is None or now - self._refused_at >= self._ask_again_after

    def refused(self, now: float) -> None:
        """The server has said, or shown, that it does not do it."""
        self._refused_at = now


class InitialEvents(Generic[K, T]):
    """What a stream has told of the state so far. Before its end none of it counts: what is missing may still come."""

    def __init__(self) -> None:
        self._present: dict[K, Entry[K, T] | Unknown[K]] = {}
        self._unnamed: list[Unknown[K]] = []

    def take(self, line: WatchLine[K, T]) -> Replaced[K, T] | None:
        """The whole state once line is its end, else None. Raises NotStreamed."""
        match line.event:
            case Applied(entry):
                self._present[entry.key] = entry
            case Deleted(entry):
                self._present.pop(entry.key, None)
            case Unknown() as item:
                self._hide(item)
            case None if line.ends_initial_events:
                return self._whole(line.version)
            case None:
                # A server that streams the state holds every bookmark back until its end.
                raise NotStreamed("a bookmark came where the end of the state was expected")
        return None

    def _hide(self, item: Unknown[K]) -> None:
        if item.key is None:
            self._unnamed.append(item)
        else:
            self._present[item.key] = item

    def _whole(self, version: str) -> Replaced[K, T]:
        entries = [item for item in self._present.values() if isinstance(item, Entry)]
        unknown = [item for item in self._present.values() if isinstance(item, Unknown)]
        return Replaced(entries, unknown + self._unnamed, version)
