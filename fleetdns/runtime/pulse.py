"""Whether the server is heard, and since when it is not: the health of one list and watch as it changes."""

import asyncio
from dataclasses import replace

from .listwatch import ListWatchError
from .observer import Health, InformerObserver, Phase

_LASTING = 1.0  # seconds


class Pulse:
    """Tells the observer when the phase, or the class of error in it, is another one."""

    def __init__(self, name: str, observer: InformerObserver) -> None:
        self._name = name
        self._observer = observer
        self._health = Health()
        self._heard_at: float | None = None
        self._proof: asyncio.TimerHandle | None = None  # when a watch after a failure will have lasted long enough

    @property
    def health(self) -> Health:
        """Where list and watch stand now."""
        return replace(self._health, heard_at=self._heard_at)

    def opened(self) -> None:
        """The server has accepted a watch."""
        if self._health.error is None:
            self.heard()
        else:
            # What has just failed is not well again because a stream begins: it must last, or bring an event. A proxy
            # that answers with a page would else look like a server that is heard all the time.
            self._proof = asyncio.get_running_loop().call_later(_LASTING, self.heard)

    def heard(self) -> None:
        """The server has said something on a watch, or kept it open."""
        self._heard_at = asyncio.get_running_loop().time()
        if self._health.phase is not Phase.WATCHING:
            self._turn(Phase.WATCHING, None)

    def closed(self) -> None:
        """The watch has ended, however."""
        if self._proof is not None:
            self._proof.cancel()

    def failed(self, phase: Phase, error: ListWatchError) -> None:
        """List or watch has failed."""
        self._turn(phase, error)

    def absent(self) -> None:
        """The server has said that it does not have the kind, which need not be there."""
        self._turn(Phase.ABSENT, None)

    def _turn(self, phase: Phase, error: ListWatchError | None) -> None:
        before = self._health
        now = asyncio.get_running_loop().time()
        failing_since = None if error is None else now if before.failing_since is None else before.failing_since
        self._health = Health(phase=phase, error=error, failing_since=failing_since)
        if (before.phase, type(before.error)) != (phase, type(error)):
            self._observer.phase_changed(self._name, self.health)
