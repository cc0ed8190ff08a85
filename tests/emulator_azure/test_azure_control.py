"""The operator's paths: everything a test does to the service, from another process."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from fleetdns.emulator.azure.server import AzureServer
from tests.emulator_azure.arm import (
    SUBSCRIPTION,
    VERSION,
    azure_endpoint,
    profile_body,
    profile_id,
    profile_path,
    public_ip,
)


@pytest.fixture
async def azure() -> AsyncIterator[AzureServer]:
    async with AzureServer() as server:
        yield server


class Control:
    """The operator's paths over HTTP."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def __call__(self, method: str, path: str, body: object = None) -> Any:
        async with self._session.request(method, f"{self._url}/_emulator/{path}", json=body) as response:
            return response.status, await response.json()

    async def arm(self, method: str, path: str) -> int:
        async with self._session.request(method, f"{self._url}{path}?api-version={VERSION}") as response:
            return response.status


@pytest.fixture
async def control(azure: AzureServer) -> AsyncIterator[Control]:
    async with aiohttp.ClientSession() as session:
        yield Control(session, azure.url)


async def test_an_operator_steers_the_world_over_http(azure: AzureServer, control: Control) -> None:
    status, ip = await control("PUT", "public-ips", {"id": public_ip(), "fqdn": "a.eastus.cloudapp.azure.com"})
    assert (status, ip["fqdn"]) == (200, "a.eastus.cloudapp.azure.com")
    body = profile_body(endpoints=[azure_endpoint()])
    status, made = await control("POST", "tamper", {"method": "PUT", "path": profile_id(), "body": body})
    assert (status, made["id"]) == (200, profile_id())
    await control("PUT", "probes", {"profile": "web", "endpoint": "one", "status": "Online"})
    _, found = await control("GET", "profiles")
    assert found == {"profiles": list(azure.service.profiles())}
    assert found["profiles"][0]["properties"]["monitorConfig"]["profileMonitorStatus"] == "Online"
    await control("PUT", "probes", {"profile": "web", "endpoint": "one", "status": "CheckingEndpoint"})
    await control("PUT", "probes", {"target": "a.eastus.cloudapp.azure.com", "status": "Degraded"})
    await control("DELETE", "public-ips", {"id": public_ip()})
    assert (await control("PUT", "names", {"name": "taken"}))[0] == 200
    assert (await control("DELETE", "names", {"name": "taken"}))[0] == 200
    assert (await control("PUT", "locks", {"scope": profile_id()}))[0] == 200
    refused = await control("POST", "tamper", {"method": "DELETE", "path": profile_id()})
    assert (refused[0], refused[1]["error"]["code"]) == (409, "ScopeLocked")
    assert (await control("DELETE", "locks", {"scope": profile_id()}))[0] == 200


async def test_an_operator_adds_and_removes_faults_over_http(azure: AzureServer, control: Control) -> None:
    status, added = await control("POST", "faults", {"kind": "unavailable", "operation": "profiles.get"})
    assert (status, added) == (200, {"number": 1})
    assert (await control("GET", "faults"))[1]["1"]["kind"] == "unavailable"
    assert await control.arm("GET", profile_path()) == 503
    await control("DELETE", "faults?number=1")
    assert azure.service.faults() == {}
    await control("POST", "faults", {"kind": "timeout"})
    assert await control("DELETE", "faults") == (200, {})
    await control("DELETE", "registration", {"subscription": SUBSCRIPTION})
    _, calls = await control("GET", "calls?since=0")
    assert (calls["mark"], calls["counts"], calls["calls"][0]["status"]) == (1, {"profiles.get": 1}, 503)


async def test_an_operator_changes_switches_over_http(azure: AzureServer, control: Control) -> None:
    status, changed = await control("PATCH", "behaviour", {"groups": ["fleet"], "page_size": 3})
    assert (status, changed["groups"], changed["page_size"]) == (200, ["fleet"], 3)
    assert azure.service.behaviour.groups == frozenset({"fleet"})
    assert (await control("GET", "behaviour"))[1] == changed


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "nothing", None, 404, id="no such lever"),
        pytest.param("POST", "faults", {"kind": "earthquake"}, 400, id="no such fault"),
        pytest.param("POST", "faults", {"sort": "drop"}, 400, id="no such field"),
        pytest.param("POST", "faults", [], 400, id="no object"),
        pytest.param("PUT", "names", {}, 400, id="a name is missing"),
        pytest.param("PUT", "public-ips", {"id": "/x", "fqdn": None}, 400, id="no public IP"),
        pytest.param("PUT", "probes", {"profile": "none", "status": "Online"}, 400, id="no such profile"),
        pytest.param("PATCH", "behaviour", {"speed": 1}, 400, id="no such switch"),
    ],
)
async def test_a_wrong_control_call_is_told_so(
    control: Control, method: str, path: str, body: object, status: int
) -> None:
    answered = await control(method, path, body)
    assert (answered[0], "error" in answered[1]) == (status, True)
