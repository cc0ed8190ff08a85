"""A token that is replaced while we run: nobody notices, as long as a good one can be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fleetdns.kube.config import Connection, load
from fleetdns.kube.errors import Refused, Unreachable
from fleetdns.kube.transport import HubTimeouts, Transport
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import Calls, Open, kubeconfig

UNAUTHORIZED = Answer(401, b'{"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized", "code": 401}')
DONE = Answer(body=b"{}")
SERVER = "http://127.0.0.1:1"


@pytest.fixture
async def connection(scripted: ScriptedServer, tmp_path: Path) -> Connection:
    """It knows the token `first`."""
    return await load(kubeconfig(tmp_path / "config", server=scripted.url))


@pytest.fixture
async def transport(connection: Connection, calls: Calls) -> AsyncIterator[Transport]:
    async with Transport(connection, observer=calls) as transport:
        yield transport


def renew(scripted: ScriptedServer, folder: Path, token: str) -> None:
    kubeconfig(folder / "config", server=scripted.url, user={"token": token})


def tokens(scripted: ScriptedServer) -> list[str]:
    return [seen.headers["Authorization"].removeprefix("Bearer ") for seen in scripted.requests]


async def test_a_refused_token_that_was_replaced_meanwhile_costs_no_error(
    transport: Transport, scripted: ScriptedServer, calls: Calls, tmp_path: Path
) -> None:
    scripted.answers = [UNAUTHORIZED, DONE]
    renew(scripted, tmp_path, "second")
    assert await transport.patch("/a", b"{}") == b"{}"
    assert tokens(scripted) == ["first", "second"]
    assert calls.told == [("PATCH", "401"), ("PATCH", "200")]


async def test_a_watch_is_opened_with_the_token_that_was_replaced_meanwhile(
    transport: Transport, scripted: ScriptedServer, tmp_path: Path
) -> None:
    scripted.answers = [UNAUTHORIZED, Answer(chunks=[b"{}\n"])]
    renew(scripted, tmp_path, "second")
    async with transport.watch("/a", {}) as lines:
        assert [line async for line in lines] == [b"{}\n"]


async def test_a_refused_token_that_nobody_replaced_is_sent_once(
    transport: Transport, scripted: ScriptedServer, tmp_path: Path
) -> None:
    scripted.answers = [UNAUTHORIZED]
    with pytest.raises(Refused):
        await transport.get("/a")
    assert tokens(scripted) == ["first"]


async def test_a_replaced_token_that_is_refused_as_well_is_an_error_and_read_again_for_the_next_request(
    transport: Transport, scripted: ScriptedServer, tmp_path: Path
) -> None:
    scripted.answers = [UNAUTHORIZED, UNAUTHORIZED, UNAUTHORIZED, DONE]
    renew(scripted, tmp_path, "second")
    with pytest.raises(Refused):
        await transport.get("/a")
    renew(scripted, tmp_path, "third")
    await transport.get("/a")
    assert tokens(scripted) == ["first", "second", "second", "third"]


async def test_both_tries_together_last_no_longer_than_one_may(
    scripted: ScriptedServer, opened: Open, tmp_path: Path
) -> None:
    scripted.answers = [UNAUTHORIZED, Answer(fault="hang")]
    file = kubeconfig(tmp_path / "config", server=scripted.url)
    transport = await opened(file, timeouts=HubTimeouts(write=2.0))
    renew(scripted, tmp_path, "second")
    started = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable):
        await transport.create("/a", b"{}")
    assert asyncio.get_running_loop().time() - started < 4.0
    assert tokens(scripted) == ["first", "second"]


@pytest.mark.looptime
async def test_an_adopted_token_is_used_at_once_and_the_old_one_never_comes_back_from_the_file(tmp_path: Path) -> None:
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER))
    assert await connection.token() == "first"
    connection.adopt("second")
    assert await connection.authorization() == "Bearer second"
    connection.adopt("third")
    for token in ("first", "second"):  # what was written to the Secret arrives late
        kubeconfig(tmp_path / "config", server=SERVER, user={"token": token})
        await asyncio.sleep(61)
        assert await connection.token() == "third"


@pytest.mark.looptime
@pytest.mark.parametrize("token", ["second", "another"])
async def test_a_file_that_changed_wins_over_the_adopted_token(tmp_path: Path, token: str) -> None:
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER))
    connection.adopt("second")
    kubeconfig(tmp_path / "config", server=SERVER, user={"token": token})
    await asyncio.sleep(61)
    assert await connection.authorization() == f"Bearer {token}"
    # From here on the file is followed again, whatever it holds.
    kubeconfig(tmp_path / "config", server=SERVER, user={"token": "first"})
    await asyncio.sleep(61)
    assert await connection.authorization() == "Bearer first"


async def test_an_adopted_token_that_is_refused_gives_way_to_the_file_s_new_one(
    transport: Transport, connection: Connection, scripted: ScriptedServer, tmp_path: Path
) -> None:
    connection.adopt("second")
    scripted.answers = [UNAUTHORIZED, DONE]
    renew(scripted, tmp_path, "third")
    await transport.get("/a")
    assert tokens(scripted) == ["second", "third"]


async def test_an_adopted_token_outlives_a_refusal_that_came_for_the_one_before(tmp_path: Path) -> None:
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER))
    connection.adopt("second")
    connection.refused("Bearer first")
    assert await connection.authorization() == "Bearer second"


async def test_an_adopted_token_outlives_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER))
    connection.adopt("second")
    (tmp_path / "config").unlink()
    connection.refused("Bearer second")
    assert await connection.authorization() == "Bearer second"


@pytest.mark.parametrize(
    "user",
    [
        pytest.param({"username": "us"}, id="no token"),
        pytest.param({"tokenFile": "token"}, id="a token that lies in a file of its own"),
    ],
)
async def test_what_somebody_else_renews_is_no_token_of_ours(tmp_path: Path, user: dict[str, str]) -> None:
    (tmp_path / "token").write_text("theirs")
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER, user=user))
    assert await connection.token() is None
