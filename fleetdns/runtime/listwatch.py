"""What the runtime asks of a transport and of a codec: two Protocols, the values they carry, the errors they raise.

The transport knows HTTP and addresses, the codec knows one kind of object; nothing else here knows either.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

K_co = TypeVar("K_co", covariant=True)
T_co = TypeVar("T_co", covariant=True)

Take: TypeAlias = Callable[[bytes | memoryview], None]


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list was read to its end, without its items. An empty continue_token marks the last page."""

    resource_version: str
    continue_token: str


class ListWatch(Protocol):
    """One kind of object on one server. Every failure rises as a ListWatchError."""

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        """One page, each item given to take as it comes, still to be decoded, while others run now and then.

        What take was given counts only when this returns: until then it may be a part. What take raises rises.
        resource_version: "" is a quorum read, "0" any cached state, else a state not older than it.

        limit None asks for everything at once. With a continue_token, resource_version is "".
        """
        ...

    def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The events after resource_version, with bookmarks; entered when the server has accepted the watch.

        initial_events: before them everything that exists, as ADDED, in a state not older than resource_version ("":
        the newest), and a bookmark that marks its end. A server without WatchList refuses this, or sends no such mark.
        Yields whole lines with their newline. A last line without one means that the stream was cut.
        """
        ...


@dataclass(frozen=True, slots=True)
class Entry(Generic[K_co, T_co]):
    """One object as the server holds it: version is its resourceVersion, opaque unless both sides are integers."""

    key: K_co
    uid: str
    version: str
    value: T_co


class Codec(Protocol[K_co, T_co]):
    """How one kind of object becomes a key and a value."""

    def decode(self, raw: bytes | memoryview) -> Entry[K_co, T_co]:
        """The object in raw, which is only valid during the call. Raises Undecodable."""
        ...


class Undecodable(Exception):
    """One object that the codec does not understand, with as much of its identity as could be read."""

    def __init__(
        self, key: Any = None, uid: str | None = None, version: str | None = None, because: str = "not understood"
    ) -> None:
        super().__init__(because)
        self.key = key
        self.uid = uid
        self.version = version
        self.because = because


class ListWatchError(Exception):
    """A list or a watch that failed. The class says what to do next; the base class: wait, then list again."""


class Expired(ListWatchError):
    """410, or a version the server has not reached: what we know cannot be continued from."""


class NotServed(ListWatchError):
    """404: the server does not have this kind, or not yet."""


class Throttled(ListWatchError):
    """429: the server asks to wait; retry_after in seconds where it said for how long."""

    def __init__(self, retry_after: float | None = None) -> None:
        super().__init__("throttled" if retry_after is None else f"throttled for {retry_after:g} s")
        self.retry_after = retry_after


class Unavailable(ListWatchError):
    """Refused, reset, timed out, 5xx, or an answer that is not Kubernetes' (a proxy's page)."""


class Denied(ListWatchError):
    """403: a right is missing."""


class Unauthenticated(Denied):
    """401: the credentials are missing, wrong or have expired."""


class Rejected(ListWatchError):
    """Any other answer of the API server's, by its HTTP status or in an ERROR event; code is that status."""

    def __init__(self, code: int, because: str = "") -> None:
        super().__init__(because or f"answered with {code}")
        self.code = code


class LineTooLong(ListWatchError):
    """A line of the watch stream is longer than the transport takes."""
