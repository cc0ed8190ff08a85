"""What stands in the header that says who asks, whatever else the machine knows of the server."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest

from fleetdns.azure.pipeline import session
from fleetdns.kube.config import load
from fleetdns.kube.errors import Unreachable
from tests.azure.scripted import ScriptedServer
from tests.kube.conftest import Open, kubeconfig


@pytest.fixture
def netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for every server."""
    file = tmp_path / "netrc"
    file.write_text("default login me password secret\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))


def sent(scripted: ScriptedServer) -> str | None:
    return scripted.requests[-1].headers.get("Authorization")


@pytest.mark.parametrize("is_in_file", [False, True])
async def test_a_token_is_sent_without_the_newline_behind_it(
    opened: Open, scripted: ScriptedServer, tmp_path: Path, is_in_file: bool
) -> None:
    (tmp_path / "token").write_text("first\n")
    user = {"tokenFile": str(tmp_path / "token")} if is_in_file else {"token": "first\n"}
    wire = await opened(kubeconfig(tmp_path / "c", server=scripted.url, user=user))
    await wire.get("/api")
    assert sent(scripted) == "Bearer first"


async def test_a_token_that_is_rotated_with_a_newline_is_sent_without_it(
    scripted: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first")
    connection = await load(kubeconfig(tmp_path / "c", server=scripted.url, user={"tokenFile": str(file)}))
    assert await connection.authorization() == "Bearer first"
    await asyncio.to_thread(file.write_text, "second\n")
    connection.refused("Bearer first")
    assert await connection.authorization() == "Bearer second"


@pytest.mark.usefixtures("netrc")
async def test_a_netrc_is_none_of_the_hubs_business(opened: Open, scripted: ScriptedServer, tmp_path: Path) -> None:
    wire = await opened(kubeconfig(tmp_path / "c", server=scripted.url))
    await wire.get("/api")
    assert sent(scripted) == "Bearer first"
    wire = await opened(kubeconfig(tmp_path / "d", server=scripted.url, user={}))
    await wire.get("/api")
    assert sent(scripted) is None


@pytest.mark.usefixtures("netrc")
async def test_a_netrc_is_none_of_azures_business(scripted: ScriptedServer) -> None:
    """The session is that for https; whom it asks is the test's doing."""
    async with (
        session("https://management.azure.com") as http,
        http.get(scripted.url, headers={"Authorization": "Bearer arm"}) as answer,
    ):
        await answer.read()
    assert sent(scripted) == "Bearer arm"


async def test_what_no_request_can_be_made_with_is_told_without_the_secret(
    opened: Open, scripted: ScriptedServer, tmp_path: Path
) -> None:
    wire = await opened(kubeconfig(tmp_path / "c", server=scripted.url, user={"token": "a\nb"}))
    with pytest.raises(Unreachable, match="no request to the API server can be made") as raised:
        await wire.get("/api")
    assert raised.value.__suppress_context__


async def test_the_environments_proxy_is_asked_with_its_password(
    opened: Open, scripted: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", scripted.url.replace("http://", "http://me:secret@"))
    monkeypatch.delenv("no_proxy", raising=False)
    wire = await opened(kubeconfig(tmp_path / "c", server="http://hub.example"))
    await wire.get("/api")
    request = scripted.requests[-1]
    assert (sent(scripted), request.headers["Host"]) == ("Bearer first", "hub.example")
    assert request.headers["Proxy-Authorization"] == aiohttp.encode_basic_auth("me", "secret")
