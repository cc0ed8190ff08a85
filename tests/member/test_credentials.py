"""The agent's token is alive for as long as the agent, whatever fails meanwhile: days in virtual time.

The connection is the real one, over a file that follows the Secret with the kubelet's delay.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from fleetdns.core.kubeconfig import Server, Stored, kubeconfig
from fleetdns.core.tokenlife import Granted
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Transient
from fleetdns.kube.config import Connection, load
from fleetdns.member.credentials import HubCredentials, KubeconfigStore

pytestmark = [pytest.mark.looptime, pytest.mark.thorough]

HOUR = 3600.0
EPOCH = 1_800_000_000.0  # unix seconds when the loop's clock is 0
URL = "http://hub.example"
SECRET = "Secret fleetdns-member/fleetdns-hub"
AWAY = Transient("Unreachable", "the API server cannot be reached")


def now() -> float:
    return EPOCH + asyncio.get_running_loop().time()


def jwt(number: int, begins: float, seconds: int) -> str:
    claims = json.dumps({"iat": begins, "exp": begins + seconds, "number": number}).encode()
    return f"head.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.signature"


@dataclass
class Hub:
    """The hub's tokens. `error`: what it answers with instead; `longest`: seconds that it grants at most."""

    error: FleetDNSError | None = None
    longest: int = 2**32
    is_opaque: bool = False
    alive: dict[str, float] = field(default_factory=dict)  # token -> its end
    asked: list[tuple[float, int]] = field(default_factory=list)  # when, and for how long

    def issue(self, seconds: int) -> str:
        number = len(self.alive)
        token = f"opaque-{number}" if self.is_opaque else jwt(number, now(), seconds)
        self.alive[token] = now() + seconds
        return token

    async def request(self, seconds: int) -> Granted:
        self.asked.append((now() - EPOCH, seconds))
        if self.error is not None:
            raise self.error
        granted = min(seconds, self.longest)
        return Granted(self.issue(granted), granted)

    def accepts(self, token: str | None) -> bool:
        return token is not None and self.alive.get(token, 0.0) > now()


@dataclass
class Secret(KubeconfigStore):
    """The Secret and the file that it is mounted as, which follows a minute later."""

    file: Path
    text: str
    error: FleetDNSError | None = None
    version: int = 1
    writes: int = 0

    def __str__(self) -> str:
        return SECRET

    async def read(self) -> Stored:
        if self.error is not None:
            raise self.error
        return Stored(self.text, str(self.version))

    async def write(self, text: str, *, version: str) -> None:
        if version != str(self.version):
            raise Conflict("Conflict", "it has been changed")
        self.writes += 1
        self.put(text)

    def put(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        asyncio.get_running_loop().call_later(60, self.file.write_text, text)


@dataclass
class Agent:
    hub: Hub
    secret: Secret
    connection: Connection
    credentials: HubCredentials
    logs: list[EventDict] = field(default_factory=list)

    def is_troubled(self) -> bool:
        return self.credentials.problem is not None

    async def lives(self, seconds: float) -> bool:
        """Whether the hub takes its token at every moment of that time, looked at each minute."""
        end = now() + seconds
        while now() < end:
            await asyncio.sleep(60)
            if not self.hub.accepts(await self.connection.token()):
                return False
        return True

    def said(self, words: str) -> int:
        """How many lines of the log have it."""
        return sum(words in line["event"] for line in self.logs)


def text_with(token: str, *, url: str = URL) -> str:
    return kubeconfig(Server(url, None), token=token, namespace="fleet-member-a")


@asynccontextmanager
async def agent(folder: Path, hub: Hub, *, first: int = int(HOUR), stores: bool = True) -> AsyncIterator[Agent]:
    """A leading agent whose first token was given just now."""
    file = folder / "kubeconfig"
    text = text_with(hub.issue(first))
    file.write_text(text)
    secret = Secret(file, text)
    connection = await load(str(file))
    credentials = HubCredentials(connection, hub, secret if stores else None, wall_clock=now, random=Random(1))
    structlog.reset_defaults()
    with capture_logs() as logs:
        running = asyncio.create_task(credentials.run())
        try:
            yield Agent(hub, secret, connection, credentials, logs)
        finally:
            assert not running.done(), "it ends by being cancelled, never by itself"
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


async def restarted(found: Agent) -> bool:
    """Whether a replica that starts now, with what the Secret holds, is let in."""
    file = found.secret.file.with_name("restarted")
    file.write_text(found.secret.text)
    return found.hub.accepts(await (await load(str(file))).token())


async def test_an_agent_survives_its_tokens_and_a_restart_at_any_time(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub()) as found:
        for _ in range(44):
            assert await found.lives(HOUR / 4)
            assert await restarted(found)
    # One token for each half of an hour, each as long as the first.
    assert [seconds for _, seconds in found.hub.asked] == [HOUR] * 22
    assert found.secret.writes == 22
    assert found.said("renewed token written back") == 22


async def test_a_token_is_renewed_at_half_its_life_and_used_at_once(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub()) as found:
        first = await found.connection.token()
        await asyncio.sleep(HOUR / 2 - 1)
        assert await found.connection.token() == first
        await asyncio.sleep(2)
        second = await found.connection.token()
        assert second != first
        assert second is not None
        assert found.secret.text == text_with(second)
    assert found.hub.asked == [(HOUR / 2, HOUR)]


async def test_a_replica_that_waits_uses_the_renewed_token_too(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub()) as found:
        waiting = await load(str(found.secret.file))
        for _ in range(24):
            await asyncio.sleep(HOUR / 4)
            assert found.hub.accepts(await waiting.token())


async def test_a_server_that_gives_less_is_asked_the_more_often(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub(longest=1200)) as found:
        assert await found.lives(4 * HOUR)
    assert [seconds for _, seconds in found.hub.asked][:2] == [HOUR, 1200]


async def test_a_token_that_does_not_tell_its_life_is_renewed_at_once_and_then_by_what_was_granted(
    tmp_path: Path,
) -> None:
    async with agent(tmp_path, Hub(is_opaque=True, longest=2 * int(HOUR)), first=5) as found:
        assert await found.lives(2.5 * HOUR)
        assert await restarted(found)
    week = 7 * 24 * HOUR
    assert found.hub.asked == [(0, week), (HOUR, 2 * HOUR), (2 * HOUR, 2 * HOUR)]


async def test_a_hub_that_is_away_for_the_whole_second_half_but_its_end_locks_nobody_out(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub(), first=int(10 * HOUR)) as found:
        await asyncio.sleep(HOUR)
        found.hub.error = AWAY
        await asyncio.sleep(8.9 * HOUR)
        assert found.is_troubled()
        assert found.hub.accepts(await found.connection.token())
        found.hub.error = None
        assert await found.lives(HOUR)
        assert not found.is_troubled()
        assert await restarted(found)
    assert len(found.hub.asked) < 100, "it does not ask in a circle"
    assert found.said("cannot be renewed") == 1


async def test_after_the_end_it_goes_on_with_what_somebody_puts_into_the_secret(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub(error=AWAY)) as found:
        await asyncio.sleep(2 * HOUR)
        assert not found.hub.accepts(await found.connection.token())
        found.hub.error = None
        found.secret.put(text_with(found.hub.issue(int(HOUR))))
        await asyncio.sleep(600)
        assert await found.lives(2 * HOUR)
        assert await restarted(found)


async def test_without_the_right_it_says_so_once_and_works_to_the_end(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub(error=Forbidden("Forbidden", "no"))) as found:
        assert await found.lives(HOUR - 120)
    assert found.said("let its ServiceAccount there create serviceaccounts/token") == 1
    assert found.secret.writes == 0


async def test_without_a_secret_it_says_that_a_restart_would_be_locked_out_and_lives_on(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub(), stores=False) as found:
        assert await found.lives(3 * HOUR)
        assert not await restarted(found)
    assert found.said("a restart is locked out") == 1
    assert found.secret.writes == 0


async def test_a_secret_that_cannot_be_written_is_tried_until_it_can_without_asking_for_more_tokens(
    tmp_path: Path,
) -> None:
    async with agent(tmp_path, Hub()) as found:
        found.secret.error = Forbidden("Forbidden", "no")
        await asyncio.sleep(0.7 * HOUR)
        assert found.is_troubled()
        assert found.said("it needs get and patch on the Secret") == 1
        found.secret.error = None
        await asyncio.sleep(0.2 * HOUR)
        assert not found.is_troubled()
        assert await restarted(found)
    assert len(found.hub.asked) == 1


async def test_two_writers_meet_and_the_token_is_written_all_the_same(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub()) as found:
        found.secret.error = Conflict("Conflict", "it has been changed")
        await asyncio.sleep(0.6 * HOUR)
        found.secret.error = None
        await asyncio.sleep(HOUR / 10)
        assert await restarted(found)
        assert found.secret.writes == 1
    assert not found.is_troubled()


@pytest.mark.parametrize(
    "url", [pytest.param(URL, id="for the same hub"), pytest.param("http://other.example", id="for another hub")]
)
async def test_a_kubeconfig_that_somebody_has_put_there_is_not_overwritten(tmp_path: Path, url: str) -> None:
    async with agent(tmp_path, Hub()) as found:
        await asyncio.sleep(HOUR / 2 - 30)  # so late that it has not reached the file when the token is renewed
        theirs = text_with(found.hub.issue(int(4 * HOUR)), url=url)
        found.secret.put(theirs)
        assert await found.lives(HOUR)
        assert found.secret.text == theirs
        assert (await found.connection.token() or "nothing") in theirs
    assert found.said("is not written to") == 1


async def test_a_server_that_was_changed_in_place_keeps_its_new_address(tmp_path: Path) -> None:
    async with agent(tmp_path, Hub()) as found:
        theirs = found.secret.text.replace(URL, "http://moved.example")
        found.secret.put(theirs)
        assert await found.lives(2 * HOUR)
        assert found.secret.text == theirs


async def test_a_clock_that_is_hours_behind_locks_nobody_out(tmp_path: Path) -> None:
    """The first token looks as if it were given in the future; the hub sees it at its true age."""
    async with agent(tmp_path, Hub()) as found:
        found.credentials._now = lambda: now() - 5 * HOUR
        assert await found.lives(4 * HOUR)
        assert await restarted(found)


async def test_a_clock_that_was_months_ahead_and_is_set_right_locks_nobody_out(tmp_path: Path) -> None:
    ahead = 90 * 24 * HOUR
    async with agent(tmp_path, Hub()) as found:
        found.credentials._now = lambda: now() + ahead
        await asyncio.sleep(30)
        ahead = 0.0
        assert await found.lives(4 * HOUR)


async def test_a_credential_that_is_no_token_is_left_to_who_renews_it(tmp_path: Path) -> None:
    hub, file = Hub(), tmp_path / "kubeconfig"
    file.write_text(text_with("any").replace("token:", "username:"))
    secret = Secret(file, file.read_text())
    credentials = HubCredentials(await load(str(file)), hub, secret, wall_clock=now, random=Random(1))
    with suppress(TimeoutError):
        async with asyncio.timeout(HOUR):
            await credentials.run()

    assert (hub.asked, secret.writes) == ([], 0)
    assert "no token that could be renewed" in (credentials.problem or "")
