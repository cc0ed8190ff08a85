"""Watching over HTTPS: streams, resumption, tables, and the faults that can be ordered."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from fleetdns.emulator.hub.server import HubServer
from fleetdns.emulator.hub.status import StatusError, expired
from tests.emulator_hub.conftest import Client
from tests.emulator_hub.shops import SHOPS as HERE
from tests.emulator_hub.shops import shop

SHOPS = "/apis/ex.io/v1beta1/namespaces/default/shops"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def _watch(server: HubServer, **options: str) -> str:
    given = {"watch": "1", "resourceVersion": str(server.hub.store.revision)} | options
    return f"{SHOPS}?" + "&".join(f"{name}={value}" for name, value in given.items())


class TestStreams:
    async def test_events_arrive_as_they_happen(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server)) as events:
            made = server.hub.create(*HERE, shop())
            assert await events.next() == {"type": "ADDED", "object": made}
            server.hub.delete(*HERE, "corner")
            assert (await events.next())["type"] == "DELETED"

    async def test_a_watch_list_ends_its_beginning_with_a_mark(self, client: Client, server: HubServer) -> None:
        server.hub.create(*HERE, shop("a"))
        query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
        async with client.watch(f"{SHOPS}?{query}&timeoutSeconds=600") as events:
            assert (await events.next())["object"]["metadata"]["name"] == "a"
            mark = await events.next()
            assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
            server.hub.create(*HERE, shop("b"))
            assert (await events.next())["object"]["metadata"]["name"] == "b"

    @pytest.mark.parametrize("word", ["", "yes", "1", "true"])
    async def test_any_word_but_0_and_false_watches(self, client: Client, server: HubServer, word: str) -> None:
        async with client.watch(_watch(server, watch=word, timeoutSeconds="1")) as events:
            assert events.answer.headers["Transfer-Encoding"] == "chunked"
        assert (await client.call("GET", f"{SHOPS}?watch=False")).body["kind"] == "ShopList"

    async def test_a_bookmark_comes_when_nothing_else_does(self, client: Client, server: HubServer) -> None:
        server.hub.bookmark_interval = 0.05
        path = _watch(server, allowWatchBookmarks="true")
        server.hub.create("", "v1", "configmaps", "default", {"metadata": {"name": "other"}})
        async with client.watch(path) as events:
            mark = await events.next()
        assert mark["type"] == "BOOKMARK"
        assert mark["object"] == {
            "apiVersion": "ex.io/v1beta1",
            "kind": "Shop",
            "metadata": {"resourceVersion": str(server.hub.store.revision)},
        }

    async def test_the_server_ends_a_watch_when_its_time_is_over(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server, timeoutSeconds="1")) as events:
            assert await events.rest() == []

    async def test_too_old_is_a_200_with_an_error_and_the_end(self, client: Client, server: HubServer) -> None:
        server.hub.create(*HERE, shop())
        server.faults.compact()
        async with client.watch(_watch(server, resourceVersion="1")) as events:
            assert events.answer.status == 200
            (error,) = await events.rest()
        assert (error["type"], error["object"]["code"], error["object"]["reason"]) == ("ERROR", 410, "Expired")

    async def test_a_watch_that_the_client_leaves_is_forgotten(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server)) as events:
            server.hub.create(*HERE, shop())
            await events.next()
            events.answer.close()
        for _ in range(500):
            if server.faults.cut_watches() == 0:
                return
            await asyncio.sleep(0.01)
        pytest.fail("the server still writes to a client that left")

    async def test_stopping_the_server_ends_the_streams(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server)) as events:
            await server.stop()
            assert await events.rest() == []

    async def test_a_burst_reaches_every_watcher_in_order(self, client: Client, server: HubServer) -> None:
        path = _watch(server)
        async with client.watch(path) as one, client.watch(path) as two:
            for number in range(500):
                server.hub.create(*HERE, shop(f"shop-{number}"))
            for events in (one, two):
                names = [(await events.next())["object"]["metadata"]["name"] for _ in range(500)]
                assert names == [f"shop-{number}" for number in range(500)]


class TestTableStreams:
    async def test_only_the_first_event_says_what_the_columns_are(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server), Accept=TABLE) as events:
            server.hub.create(*HERE, shop("a", weight=3))
            server.hub.create(*HERE, shop("b"))
            first, second = await events.next(), await events.next()
        assert first["object"]["kind"] == "Table"
        assert [column["name"] for column in first["object"]["columnDefinitions"]][:2] == ["Name", "Weight"]
        assert first["object"]["rows"][0]["cells"][:2] == ["a", 3]
        assert second["object"]["columnDefinitions"] is None

    async def test_a_bookmark_is_a_row_without_a_name(self, client: Client, server: HubServer) -> None:
        path = f"{SHOPS}?watch=1&allowWatchBookmarks=true"
        async with client.watch(path, Accept=TABLE) as events:
            mark = await events.next()
        (row,) = mark["object"]["rows"]
        assert row["cells"] == ["", None, None, None, None]
        assert row["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert row["object"]["metadata"]["resourceVersion"] == str(server.hub.store.revision)

    async def test_an_error_is_no_table(self, client: Client, server: HubServer) -> None:
        server.hub.create(*HERE, shop())
        server.faults.compact()
        async with client.watch(_watch(server, resourceVersion="1"), Accept=TABLE) as events:
            assert (await events.next())["object"]["kind"] == "Status"

    async def test_metadata_alone_can_be_watched(self, client: Client, server: HubServer) -> None:
        accept = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
        async with client.watch(_watch(server), Accept=accept) as events:
            server.hub.create(*HERE, shop())
            assert (await events.next())["object"].keys() == {"kind", "apiVersion", "metadata"}


class TestFaults:
    async def test_a_dropped_request_breaks_the_connection_once(self, client: Client, server: HubServer) -> None:
        server.faults.drop(verb="create", plural="shops")
        # Not a GET: aiohttp repeats an idempotent request whose connection broke.
        with pytest.raises(aiohttp.ClientError):
            await client.call("POST", SHOPS, shop())
        assert (await client.call("GET", SHOPS)).body["items"] == []

    async def test_a_throttled_kind_says_when_to_come_back(self, client: Client, server: HubServer) -> None:
        server.faults.throttle(plural="shops", retry_after=3, times=2)
        for _ in range(2):
            reply = await client.call("GET", SHOPS)
            assert (reply.code, reply.headers["Retry-After"]) == (429, "3")
            assert reply.body["message"] == "storage is (re)initializing"
            assert reply.body["details"] == {"retryAfterSeconds": 3}
        assert (await client.call("GET", SHOPS)).code == 200

    async def test_a_missing_kind_is_missing_until_the_fault_is_cleared(
        self, client: Client, server: HubServer
    ) -> None:
        server.faults.missing("shops")
        for _ in range(3):
            assert (await client.call("GET", SHOPS)).text == "404 page not found\n"
        server.faults.clear()
        assert (await client.call("GET", SHOPS)).code == 200

    async def test_any_refusal_can_be_ordered_for_one_verb(self, client: Client, server: HubServer) -> None:
        server.faults.refuse(StatusError(500, "InternalError", "etcd is away"), verb="create", times=None)
        assert (await client.call("GET", SHOPS)).code == 200
        assert (await client.call("POST", SHOPS, shop())).body["message"] == "etcd is away"

    async def test_a_half_open_peer_never_answers(self, client: Client, server: HubServer) -> None:
        server.faults.hang(verb="list")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await client.call("GET", SHOPS)
        assert (await client.call("GET", SHOPS)).code == 200

    async def test_a_slow_answer_comes(self, client: Client, server: HubServer) -> None:
        server.faults.slow(0.02)
        loop = asyncio.get_running_loop()
        started = loop.time()
        assert (await client.call("GET", SHOPS)).code == 200
        assert loop.time() - started >= 0.02

    async def test_open_watches_can_be_cut(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server)) as events:
            assert server.faults.cut_watches("barns") == 0
            assert server.faults.cut_watches("shops") == 1
            with pytest.raises(aiohttp.ClientError):
                await events.rest()

    async def test_open_watches_can_end_in_an_error(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server)) as events:
            assert server.faults.fail_watches(expired("too old resource version: 1 (2)")) == 1
            (error,) = await events.rest()
        assert error["object"]["code"] == 410

    async def test_the_next_watch_can_end_in_an_error(self, client: Client, server: HubServer) -> None:
        server.faults.end_watch(StatusError(500, "InternalError", "progress cannot be asked for"))
        async with client.watch(_watch(server)) as events:
            assert events.answer.status == 200
            (error,) = await events.rest()
        assert (error["type"], error["object"]["code"]) == ("ERROR", 500)
        async with client.watch(_watch(server)) as events:
            server.hub.create(*HERE, shop())
            assert (await events.next())["type"] == "ADDED"

    async def test_frozen_watches_are_silent_and_lose_nothing(self, client: Client, server: HubServer) -> None:
        async with client.watch(_watch(server)) as events:
            server.faults.freeze_watches()
            server.hub.create(*HERE, shop())
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await events.next()
            server.faults.thaw_watches()
            assert (await events.next())["type"] == "ADDED"


class TestLifecycle:
    async def test_a_server_starts_quickly_and_stops_twice(self) -> None:
        started = time.process_time()
        server = HubServer(tokens={"secret": "ann", "other": "bob"})
        await server.start()
        # Measured at 0.02 s; the promise is 0.3 s.
        assert time.process_time() - started < 0.3
        assert server.token == "secret"
        await server.stop()
        await server.stop()

    async def test_a_taken_port_is_an_error(self, server: HubServer) -> None:
        other = HubServer()
        with pytest.raises(OSError, match="address already in use"):
            await other.start(port=int(server.url.rpartition(":")[2]))
