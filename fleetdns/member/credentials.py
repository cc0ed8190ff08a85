"""The agent's token on the hub: renewed at half its life, used at once, and written back to where it came from.

Only the replica that leads runs this; the others read the file that the Secret is mounted as. A hub that is away is
asked again and again: the second half of a token's life is there for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from random import Random
from typing import NoReturn, Protocol

import structlog

from fleetdns.core.kubeconfig import NotOurs, Stored, with_token
from fleetdns.core.tokenlife import Granted, Life, asked_life, by_our_clock, life_of, pause, until_renewal
from fleetdns.errors import Conflict, FleetDNSError, Forbidden
from fleetdns.runtime.backoff import Backoff

_LOOK = 60.0  # seconds between two looks at the token: somebody may put another into the file at any time
_SOONEST = 1.0
_BACKOFF = Backoff(base=2.0, factor=2.0, cap=300.0, jitter=0.5)

_NOT_RENEWED = "the token for the hub cannot be renewed; fleetdns keeps trying"
_RIGHT_TO_ASK = (
    "let its ServiceAccount there create serviceaccounts/token of its own, or put a kubeconfig that "
    "`fleetdns member-kubeconfig` printed into the Secret"
)
_NOT_SAVED = (
    "the renewed token cannot be written back: it lives in this process only, and once the token of the file has "
    "ended, a restart is locked out; fleetdns keeps trying"
)
_RIGHT_TO_WRITE = "it needs get and patch on the Secret that --hub-kubeconfig-secret names"

_log = structlog.get_logger("fleetdns")


class HubConnection(Protocol):
    """The connection whose token this is."""

    @property
    def host(self) -> str: ...
    async def token(self) -> str | None:
        """The token that would be sent now; None where it is not ours to renew."""
        ...

    def adopt(self, token: str, /) -> None:
        """Send this one from now on, until the file holds a newer one."""
        ...


class Tokens(Protocol):
    """Gives tokens of the agent's own account on the hub."""

    async def request(self, seconds: int, /) -> Granted:
        """A new one that is to be good for so long. Raises FleetDNSError."""
        ...


class KubeconfigStore(Protocol):
    """Where the kubeconfig comes from; its str() is what people call it."""

    async def read(self) -> Stored:
        """Raises FleetDNSError."""
        ...

    async def write(self, text: str, *, version: str) -> None:
        """Raises FleetDNSError; Conflict where it is not of that version any more."""
        ...


class HubCredentials:
    """Keeps the token of one connection alive. `wall_clock`: unix seconds; `store` None: nowhere to write it back."""

    def __init__(
        self,
        hub: HubConnection,
        tokens: Tokens,
        store: KubeconfigStore | None,
        *,
        wall_clock: Callable[[], float],
        random: Random,
    ) -> None:
        self._hub = hub
        self._tokens = tokens
        self._store = store
        self._now = wall_clock
        self._random = random
        self._token: str | None = None
        self._life: Life | None = None  # of `_token`
        self._held: set[str] = set()  # tokens that the store may still hold if nobody else has touched it
        self._is_unsaved = False
        self._failures = 0
        self._said: str | None = None

    @property
    def problem(self) -> str | None:
        """Why the token is not renewed, or not kept, at the moment; None: nothing is wrong."""
        return self._said

    @property
    def ends(self) -> float | None:
        """When the token ends, unix seconds; None where that is not known."""
        return self._life.ends if self._life is not None else None

    async def run(self) -> NoReturn:
        """Renew until cancelled."""
        if self._store is None:
            _log.warning(
                "no Secret is named that the hub kubeconfig comes from: a renewed token lives in this process only, "
                "and once the token of the file has ended, a restart is locked out; give --hub-kubeconfig-secret"
            )
        while True:
            delay = await self._step()
            await asyncio.sleep(delay)

    async def _step(self) -> float:
        """Do what is due; seconds until the next look."""
        token = await self._hub.token()
        if token is None:
            self._say("the hub kubeconfig holds no token that could be renewed; somebody else has to see to that")
            return _LOOK
        self._notice(token)
        self._life = by_our_clock(self._life, now=self._now())  # the clock may have been set back since
        try:
            if until_renewal(self._life, now=self._now()) <= 0:
                await self._renew()
        except FleetDNSError as error:
            return self._failed(error, _NOT_RENEWED, if_forbidden=_RIGHT_TO_ASK)
        try:
            if self._is_unsaved and self._store is not None:
                await self._save(self._store)
        except FleetDNSError as error:
            return self._failed(error, _NOT_SAVED, if_forbidden=_RIGHT_TO_WRITE)
        self._failures = 0
        return max(_SOONEST, min(_LOOK, until_renewal(self._life, now=self._now())))

    def _notice(self, token: str) -> None:
        """The token that is in use now; one that we never had has been put into the file by somebody."""
        if token == self._token:
            return
        if token not in self._held:
            self._held, self._is_unsaved, self._failures, self._said = set(), False, 0, None
        self._token, self._life = token, by_our_clock(life_of(token), now=self._now())
        self._held.add(token)

    async def _renew(self) -> None:
        asked_at = self._now()
        granted = await self._tokens.request(asked_life(self._life))
        if (used := await self._hub.token()) is not None:
            self._notice(used)  # ours may have been refused, and another found in the file meanwhile
        self._hub.adopt(granted.token)
        # By our own clock: however wrong it is, the half of this life is measured rightly.
        self._token, self._life = granted.token, Life(asked_at, asked_at + granted.seconds)
        self._held.add(granted.token)
        self._is_unsaved = self._store is not None
        self._failures, self._said = 0, None
        _log.info("token for the hub renewed", ends=_time(self._life.ends))

    async def _save(self, store: KubeconfigStore) -> None:
        stored = await store.read()
        text = with_token(stored.text, self._token or "", url=self._hub.host, held=self._held)
        if isinstance(text, NotOurs):
            self._is_unsaved = False
            self._say(f"the renewed token is not written to {store}: {text.because}; it lives in this process only")
            return
        if text != stored.text:
            await store.write(text, version=stored.version)
            _log.info("renewed token written back", to=str(store))
        self._is_unsaved, self._said = False, None

    def _failed(self, error: FleetDNSError, problem: str, *, if_forbidden: str) -> float:
        """Seconds until the next try. A conflict is nobody's affair: it is looked at anew, soon."""
        delay = _BACKOFF.delay(self._failures, self._random)
        if not isinstance(error, Conflict):
            self._failures += 1
            self._say(f"{problem}: {if_forbidden}" if isinstance(error, Forbidden) else problem, error)
        return pause(delay, self._life, now=self._now())

    def _say(self, problem: str, error: FleetDNSError | None = None) -> None:
        """Once, until it is another problem or none."""
        if problem != self._said:
            self._said = problem
            told = {} if error is None else {"code": error.code, "error": error.sentence}
            _log.warning(problem, **told, ends=_time(self._life.ends) if self._life is not None else "unknown")


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
