"""Tokens that end: by time, by revocation, with what they are bound to. The administrators' last."""

from __future__ import annotations

import pytest

from fleetdns.emulator.hub import status
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.server import HubServer
from fleetdns.emulator.hub.store import Key
from fleetdns.emulator.hub.tokens import Bond, TokenIssuer, User
from tests.emulator_hub.conftest import Client
from tests.emulator_hub.shops import Clock, config_map

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
def issuer(hub: Hub, clock: Clock) -> TokenIssuer:
    return TokenIssuer(hub.store, clock=clock, administrators={"lasting": "ann"})


def test_a_token_is_good_until_its_time_is_over(issuer: TokenIssuer, clock: Clock) -> None:
    token = issuer.issue(seconds=3)
    clock.now += 2.9
    assert issuer.user_of(token) == User("fleetdns-admin")
    clock.now += 0.1
    assert issuer.user_of(token) is None
    assert issuer.user_of("lasting") == User("ann")


def test_a_revoked_token_is_good_for_nothing(issuer: TokenIssuer) -> None:
    token, other = issuer.issue(seconds=60), issuer.issue(seconds=60)
    issuer.revoke(token)
    assert issuer.user_of(token) is None
    assert issuer.user_of(other) is not None
    with pytest.raises(KeyError):
        issuer.revoke("lasting")


def test_a_token_ends_with_the_object_it_is_bound_to(issuer: TokenIssuer, hub: Hub) -> None:
    place = ("", "v1", "configmaps", "default")
    uid = hub.create(*place, config_map())["metadata"]["uid"]
    token = issuer.issue("bob", seconds=60, bonds=(Bond("configmaps", Key("default", "settings"), uid),))
    assert issuer.user_of(token) == User("bob")
    hub.delete(*place, "settings")
    assert issuer.user_of(token) is None
    hub.create(*place, config_map())
    assert issuer.user_of(token) is None


def test_a_token_is_for_its_audiences_only(issuer: TokenIssuer) -> None:
    token = issuer.issue(seconds=60, audiences=["elsewhere"])
    assert issuer.user_of(token) is None
    assert issuer.user_of(token, ["elsewhere"]) is not None


async def test_a_request_with_an_ended_token_is_unauthorized_and_an_open_watch_goes_on(
    server: HubServer, client: Client
) -> None:
    token = server.issuer.issue("agent", seconds=3600)
    async with client.watch(f"{CONFIG_MAPS}?watch=1", Authorization=f"Bearer {token}") as events:
        server.issuer.revoke(token)
        for path in (CONFIG_MAPS, "/version"):
            reply = await client.call("GET", path, Authorization=f"Bearer {token}")
            assert (reply.code, reply.body) == (401, status.unauthorized().status())
        await client.call("POST", CONFIG_MAPS, config_map())
        assert (await events.next())["object"]["metadata"]["name"] == "settings"
