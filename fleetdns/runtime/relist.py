"""How the whole state is asked for: as the beginning of a watch or as a list, and at which version.

what came of it                               next time
it is whole                                   as a stream, where the server has that
stream: refused, or no end of the state       a list, at once; remembered for the server
410, version too new; stream: no end of it    the newest state, at once; where that was asked for, after a pause
stream: a line too long for the transport     a list, after a pause
stream: anything but 401, 403, 404, 429       a stream, after a pause; a list after the third in a row
list: anything else                           the same as before the list, after a pause
"""

from dataclasses import dataclass
from typing import Literal

from .listwatch import Denied, Expired, LineTooLong, ListWatchError, NotServed, Rejected, Throttled
from .watchlist import NotStreamed, WatchListSupport

UNORDERED = ("", "0")  # versions that name no state: whatever is newest, whatever is at hand

_BROKEN_STREAMS_BEFORE_LIST = 3
# 500 comes as an ERROR event, where the server's etcd is too old to say how fresh it is. As an HTTP status it is a
# server in trouble, and Unavailable.
_REFUSALS = frozenset({400, 422, 500})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for the whole state. version: as in ListWatch. limit: items per page of a list, None for all."""

    by: Literal["stream", "list"]
    version: str
    limit: int | None = None


class Relist:
    """What one reflector has learnt from asking. watch_list: what is known of the server, shared; None: always list."""

    def __init__(self, *, watch_list: WatchListSupport | None, page_size: int) -> None:
        self._watch_list = watch_list
        self._page_size = page_size
        self._is_version_usable = True  # False: the server refused to give the state at our last version
        self._is_cacheless = False  # the server pages even what it could give from its cache: so page every list
        self._broken_streams = 0  # in a row
        self._asked = Ask("list", "")

    def ask(self, last_version: str, *, now: float) -> Ask:
        """last_version: up to where we know everything, "" for nothing. now: the loop's time."""
        version = last_version if self._is_version_usable else ""
        self._asked = self._stream(version) if self._is_streamed(now) else self._list(version)
        return self._asked

    def succeeded(self, *, is_paginated: bool = False) -> None:
        """The state is whole. is_paginated: it was a list, and came in more than one page."""
        if self._asked.version == "0" and is_paginated:
            self._is_cacheless = True
        self._is_version_usable = True
        self._broken_streams = 0

    def failed(self, error: ListWatchError, *, now: float) -> bool:
        """True: ask again at once, something else this time. False: after a pause."""
        if self._asked.version and isinstance(error, Expired | NotStreamed):
            # A stream without an end: the server may be waiting until it gets to the version.
            self._is_version_usable = False
            return True
        if self._asked.by == "list":
            self._broken_streams = 0  # it is not the streams that are broken
            return False
        if self._watch_list is not None and _is_refusal(error):
            self._watch_list.refused(now)
            return True
        self._count(error)
        return False

    def _is_streamed(self, now: float) -> bool:
        is_expected = self._watch_list is not None and self._watch_list.is_expected(now)
        return is_expected and self._broken_streams < _BROKEN_STREAMS_BEFORE_LIST

    def _stream(self, version: str) -> Ask:
        return Ask("stream", "" if version in UNORDERED else version)

    def _list(self, version: str) -> Ask:
        # What is at hand will do for the first list, unless that is what was refused.
        version = version or ("0" if self._is_version_usable else "")
        # A limit beside a version makes the server leave its cache and read etcd.
        is_paged = version in UNORDERED or self._is_cacheless
        return Ask("list", version, self._page_size if is_paged else None)

    def _count(self, error: ListWatchError) -> None:
        if isinstance(error, LineTooLong):
            self._broken_streams = _BROKEN_STREAMS_BEFORE_LIST
        elif not isinstance(error, Expired | Throttled | Denied | NotServed):
            self._broken_streams += 1


def _is_refusal(error: ListWatchError) -> bool:
    """The server does not begin watches with the state, as opposed to: not now, not for us, not this kind."""
    return isinstance(error, NotStreamed) or (isinstance(error, Rejected) and error.code in _REFUSALS)
