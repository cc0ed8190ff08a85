"""What hostile and broken clients get: a status, and a server that goes on serving."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.rest import StatusError
from tests.emulator_hub.conftest import Client
from tests.emulator_hub.shops import (
    APPLY,
    CONFIG_MAPS,
    DEFINITIONS,
    EVENTS,
    JSON_PATCH,
    LEASES,
    NAMESPACES,
    make_hub,
    shop,
)
from tests.emulator_hub.shops import SHOPS as SHOPS_KIND

SERVICES = ("", "v1", "services", "default")
SECRETS = ("", "v1", "secrets", "default")

SHOPS = "/apis/ex.io/v1beta1/namespaces/default/shops"

_HOSTILE: list[tuple[str, bytes, int]] = [
    ("cut json", b'{"kind": "Shop"', 400),
    ("no object", b"[1, 2]", 400),
    ("nothing", b"", 400),
    ("not utf-8", b'{"kind": "\xff\xfe"}', 400),
    ("a tower of lists", b"[" * 100_000, 400),
    ("a tower that closes", b'{"spec":' + b"[" * 500 + b"]" * 500 + b"}", 400),
    ("a number without end", b'{"kind": 1e999}', 400),
    ("not a number", b'{"kind": NaN}', 400),
    ("an integer without end", b'{"kind": "Shop", "n": ' + b"9" * 5000 + b"}", 400),
    ("metadata that is a text", json.dumps(shop() | {"metadata": "x"}).encode(), 400),
    ("spec that is a text", json.dumps(shop() | {"spec": "x"}).encode(), 422),
    ("half a surrogate", json.dumps(shop(owner="\ud800")).encode(), 201),
    ("a huge integer", json.dumps(shop(weight=10**30)).encode(), 422),
]


@pytest.mark.parametrize(("body", "code"), [pytest.param(body, code, id=name) for name, body, code in _HOSTILE])
async def test_a_hostile_body_gets_its_status(client: Client, body: bytes, code: int) -> None:
    reply = await client.call("POST", SHOPS, body, Content_Type="application/json")
    assert reply.code == code
    assert (await client.call("GET", SHOPS)).code == 200


@pytest.mark.parametrize(
    "text", ["a: &x [1]\nb: [*x, *x]", "a: [", "!!python/object/apply:os.system [ls]", "? [a]: b", "\x00"]
)
async def test_hostile_yaml_is_a_400(client: Client, text: str) -> None:
    reply = await client.call("POST", SHOPS, text, Content_Type="application/yaml")
    assert reply.code == 400


async def test_a_body_over_three_megabytes_is_a_413(client: Client) -> None:
    reply = await client.call("POST", SHOPS, b"x" * (3 * 1024 * 1024 + 1))
    assert (reply.code, reply.body["message"]) == (413, "Request entity too large: limit is 3145728")


async def test_a_body_without_a_length_is_measured_too(client: Client) -> None:
    async def endless() -> Any:
        for _ in range(40):
            yield b"x" * 100_000

    url, headers = client.server.url + SHOPS, {"Authorization": f"Bearer {client.server.token}"}
    try:
        async with client.session.post(url, data=endless(), headers=headers) as reply:
            assert reply.status == 413
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
        # The server may hang up while the client still sends.
        pass
    assert (await client.call("GET", SHOPS)).code == 200


async def test_a_compressed_bomb_is_a_413(client: Client) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    reply = await client.call("POST", SHOPS, bomb, Content_Encoding="gzip")
    assert reply.code in (400, 413)
    assert (await client.call("GET", SHOPS)).code == 200


@pytest.mark.parametrize(
    "path", ["/apis//v1/configmaps", "/%00", "/apis/%2e%2e/x/y", "/api/v1/namespaces/%ff/configmaps/%f0"]
)
async def test_a_hostile_path_is_a_404(client: Client, path: str) -> None:
    assert (await client.call("GET", path)).code == 404


async def test_no_http_at_all_does_not_stop_the_server(client: Client) -> None:
    host, port = client.server.url.removeprefix("https://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x00\x01 garbage\r\n\r\n")
    await writer.drain()
    writer.close()
    assert (await client.call("GET", "/healthz")).text == "ok"


_KEYS = st.sampled_from(
    [
        "metadata",
        "spec",
        "status",
        "kind",
        "apiVersion",
        "name",
        "namespace",
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "managedFields",
        "resourceVersion",
        "uid",
        "generateName",
        "weight",
        "owner",
        "doors",
        "conditions",
        "data",
        "stringData",
        "versions",
        "names",
        "schema",
        "group",
        "scope",
        "ports",
        "involvedObject",
        "renewTime",
        "op",
        "path",
        "value",
        "$patch",
        "storage",
        "served",
        "openAPIV3Schema",
    ]
)
_PLAIN = st.sampled_from([None, True, 0, -1, 1.5, 10**25, "", "x", "corner", "\ud800", "2026-01-02T03:04:05Z"])
_JUNK = st.recursive(
    _PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12
)
_KINDS = st.sampled_from([SHOPS_KIND, CONFIG_MAPS, SERVICES, SECRETS, EVENTS, LEASES, NAMESPACES, DEFINITIONS])
_PATCHES = st.sampled_from(
    [APPLY, JSON_PATCH, "application/merge-patch+json", "application/strategic-merge-patch+json", ""]
)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(kind=_KINDS, part=_KEYS, junk=_JUNK, content_type=_PATCHES, validation=st.sampled_from(["Warn", "Strict"]))
def test_any_object_is_stored_or_refused(
    kind: tuple[str, str, str, str | None], part: str, junk: Any, content_type: str, validation: str
) -> None:
    hub = make_hub()
    served = hub.registry.find(*kind[:3])
    sent = {"apiVersion": served.api_version, "kind": served.kind, "metadata": {"name": "corner"}} | {part: junk}
    attempts: tuple[Callable[[], object], ...] = (
        lambda: hub.create(*kind, sent, field_validation=validation),
        lambda: hub.patch(*kind, "corner", sent, content_type=content_type, manager="m", field_validation=validation),
        lambda: hub.patch(*kind, "corner", junk, content_type=content_type, subresource="status"),
        lambda: hub.update(*kind, "corner", sent),
        lambda: hub.delete(*kind, "corner"),
    )
    for attempt in attempts:
        with contextlib.suppress(StatusError):
            attempt()
    assert hub.list(*SHOPS_KIND)["kind"] == "ShopList"
