"""The error taxonomy: a class says what the caller does next, never what went wrong inside a library.

Adapters map a library's exceptions to these once, at the edge, and chain the original (`from`). `code` and `sentence`
are fit for a condition: the same failure gives the same text each time, without request ids, times or whole bodies.
"""

from __future__ import annotations

from typing import Self


class FleetDNSError(Exception):
    """Something outside refused or failed. `code` is the other side's own word for it, `sentence` a person's."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence

    def again(self) -> Self:
        """The same error anew, for whoever remembers one: a raised one holds on to all that was going on then, and to
        more each time that it is raised.
        """
        error = type(self).__new__(type(self), *self.args)
        error.__dict__.update(self.__dict__)
        return error


class Conflict(FleetDNSError):
    """Two changes met. Read again and repeat soon; nobody needs to hear of it."""


class NotLeading(Conflict):
    """Another replica may lead before this write would have ended, so it was not sent."""


class Throttled(FleetDNSError):
    """The other side asks for a pause. Repeat after `retry_after` seconds, not before."""

    def __init__(self, code: str, sentence: str, *, retry_after: float) -> None:
        super().__init__(code, sentence)
        self.retry_after = retry_after


class Deferred(FleetDNSError):
    """Nothing was sent: it is not this call's turn. Repeat after `retry_after` seconds.

    `because`: what somebody else's call was answered, when that is why; None where there is only a line to stand in.
    """

    def __init__(self, code: str, sentence: str, *, retry_after: float, because: FleetDNSError | None = None) -> None:
        super().__init__(code, sentence)
        self.retry_after = retry_after
        self.because = because


class Transient(FleetDNSError):
    """It may work next time. A write that failed so may have happened all the same: observe before repeating it."""


class Unavailable(Transient):
    """The other side as a whole does not do its work: it cannot be reached, says nothing in time, or breaks."""


class Bug(Transient):
    """An exception of ours that nobody foresaw, from which this one is raised: it fails what was tried, and no more."""

    def __init__(self, bug: Exception) -> None:
        super().__init__(type(bug).__name__, "fleetdns failed on what it was answered; its log says where")


class NameTaken(FleetDNSError):
    """The DNS name belongs to somebody else. Repeat slowly: it may become free. `free`: a name like it that is."""

    def __init__(self, code: str, sentence: str, *, free: str | None = None) -> None:
        super().__init__(code, sentence)
        self.free = free


class Rejected(FleetDNSError):
    """The request itself is refused. Repeat slowly: some causes heal by themselves, none at once.

    `is_content`: something in what was sent is not taken, so that less of it might be; a lock or a subscription that is
    not registered refuses everything alike.
    """

    def __init__(self, code: str, sentence: str, *, is_content: bool = True) -> None:
        super().__init__(code, sentence)
        self.is_content = is_content


class Forbidden(FleetDNSError):
    """The caller lacks a right or a valid credential. Repeat slowly: a role assignment takes minutes to arrive."""


class UsageError(Exception):
    """A flag, an environment value or a file named by one is wrong; the text says what to do about it."""
