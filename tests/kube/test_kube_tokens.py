"""A token that is replaced while we run: nobody notices, as long as a good one can be read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from fleetdns.kube.errors import Refused, Unreachable
from fleetdns.kube.transport import HubTimeouts, Transport
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import Calls, Open, kubeconfig

UNAUTHORIZED = Answer(401, b'{"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized", "code": 401}')
DONE = Answer(body=b"{}")


@pytest.fixture
async def transport(scripted: ScriptedServer, opened: Open, tmp_path: Path) -> Transport:
    """It knows the token `first`."""
    return await opened(kubeconfig(tmp_path / "config", server=scripted.url))


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
