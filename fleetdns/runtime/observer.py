"""What an informer tells about itself: events for logs and metrics, and the state that readiness asks for."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from .events import Unknown
from .listwatch import ListWatchError


class Phase(Enum):
    """Where list and watch stand. WATCHING lasts from one accepted watch to the next failure.

    After a failure a watch counts when it has brought an event or lasted a second. ABSENT: the server does not have an
    optional kind, which is as it may be; NOT_SERVED: it does not have one that it should.
    """

    STARTING = "starting"
    WATCHING = "watching"
    RETRYING = "retrying"
    NOT_SERVED = "not served"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Health:
    """heard_at: when a watch was last accepted or said anything, on the loop's clock; a list alone proves no freshness.

    error: what failed last and has not been made good by a watch; failing_since: since when.
    """

    phase: Phase = Phase.STARTING
    heard_at: float | None = None
    error: ListWatchError | None = None
    failing_since: float | None = None


class InformerObserver(Protocol):
    """name is the informer's. Every label has few values. Times in seconds."""

    def listed(self, name: str, /, *, reason: str, by: str, objects: int, duration: float) -> None:
        """The whole state has arrived. reason: "start", or the class of error that made it necessary.

        by: "stream", as the beginning of a watch, or "list".
        """
        return

    def heard(self, name: str, kind: str, /) -> None:
        """A watch event has arrived: ADDED, MODIFIED, DELETED or BOOKMARK. Those that bring the state do not count."""
        return

    def watch_ended(self, name: str, /, *, reason: str, duration: float) -> None:
        """reason: "closed", "cut", "stalled", "cancelled", or a class of error."""
        return

    def phase_changed(self, name: str, health: Health, /) -> None:
        """The phase, or the class of error in it, is another one than before; not told again while it stays."""
        return

    def synced(self, name: str, objects: int, /) -> None:
        """The initial state has been delivered to all handlers."""
        return

    def undecodable(self, name: str, unknown: Unknown[Any], /) -> None:
        """An object is present but unknown; told once per object and reason."""
        return

    def handler_failed(self, name: str, error: Exception, /) -> None:
        """A handler has raised: a bug of its owner."""
        return


class NoInformerObserver(InformerObserver):
    """Sees nothing."""
