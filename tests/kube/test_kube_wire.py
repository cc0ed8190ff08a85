"""The transport and the list-watch against a server that plays a script: silence, breaks, and strangers in between."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest

from fleetdns.api.meta import ObjectKey, Resource
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.kube.codec import StructCodec
from fleetdns.kube.errors import Refused, Unreachable
from fleetdns.kube.listwatch import HubListWatch
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport
from fleetdns.runtime.listwatch import (
    Denied,
    Expired,
    LineTooLong,
    ListPage,
    ListWatchError,
    NotServed,
    Rejected,
    Throttled,
    Unauthenticated,
    Unavailable,
)
from fleetdns.runtime.reflector import Reflector
from tests.azure.scripted import Answer, ScriptedServer
from tests.kube.conftest import QUICK, Calls, Open, kubeconfig

PROFILE = TrafficManagerProfile.resource
LIST = {"kind": "TrafficManagerProfileList", "metadata": {"resourceVersion": "7"}, "items": []}


def answer(body: Any, status: int = 200, **headers: str) -> Answer:
    return Answer(status, json.dumps(body).encode(), headers)


def status(code: int, reason: str, *causes: str, retry_after: int | None = None, header: str | None = None) -> Answer:
    """A Status; `retry_after` goes into its details, `header` into the header of that name."""
    details: dict[str, Any] = {"causes": [{"reason": cause, "message": "m"} for cause in causes]}
    if retry_after is not None:
        details["retryAfterSeconds"] = retry_after
    body = {"kind": "Status", "status": "Failure", "reason": reason, "message": "no", "code": code, "details": details}
    return answer(body, code, **({} if header is None else {"Retry-After": header}))


def page(code: int) -> Answer:
    return Answer(code, b"<html><body>no</body></html>", content_type="text/html")


@pytest.fixture
def listing(wire: Transport) -> HubListWatch:
    return HubListWatch(wire, PROFILE, None)


async def listed(listing: HubListWatch, version: str = "", limit: int | None = None, token: str = "") -> ListPage:
    return await listing.list(resource_version=version, limit=limit, continue_token=token, take=lambda _: None)


async def items(listing: HubListWatch) -> list[bytes]:
    taken: list[bytes | memoryview] = []
    await listing.list(resource_version="", limit=None, continue_token="", take=taken.append)
    return [bytes(item) for item in taken]


async def watched(listing: HubListWatch, version: str = "7", *, initial_events: bool = False) -> list[bytes]:
    async with listing.watch(resource_version=version, timeout_seconds=300, initial_events=initial_events) as lines:
        return [line async for line in lines]


@pytest.mark.parametrize(
    ("version", "limit", "token", "query"),
    [
        pytest.param("", None, "", "", id="a quorum read of everything"),
        pytest.param("", 500, "", "?limit=500", id="the first page of a quorum read"),
        pytest.param("0", 500, "", "?resourceVersion=0&limit=500", id="whatever is cached"),
        pytest.param(
            "7", None, "", "?resourceVersion=7&resourceVersionMatch=NotOlderThan", id="no older than what is known"
        ),
        pytest.param(
            "7",
            500,
            "",
            "?resourceVersion=7&resourceVersionMatch=NotOlderThan&limit=500",
            id="a limit does not make the version exact",
        ),
        pytest.param("", 500, "abc=", "?limit=500&continue=abc%3D", id="the next page carries no version"),
    ],
)
async def test_a_list_asks_as_client_go_does(
    scripted: ScriptedServer, listing: HubListWatch, version: str, limit: int | None, token: str, query: str
) -> None:
    scripted.answers = [answer(LIST)]
    assert (await listed(listing, version, limit, token)).resource_version == "7"
    assert scripted.requests[0].path == collection(PROFILE, None) + query


async def test_a_watch_asks_for_bookmarks_and_an_end(scripted: ScriptedServer, listing: HubListWatch) -> None:
    scripted.answers = [Answer(chunks=[b'{"type":"BOOKMARK"}\n'])]
    assert await watched(listing) == [b'{"type":"BOOKMARK"}\n']
    path, _, query = scripted.requests[0].path.partition("?")
    assert path == collection(PROFILE, None)
    assert sorted(query.split("&")) == [
        "allowWatchBookmarks=true",
        "resourceVersion=7",
        "timeoutSeconds=300",
        "watch=1",
    ]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        pytest.param(Answer(status=403, body=b'{"kind":"Status","reason":"Forbidden"}'), "403", id="no right"),
        pytest.param(Answer(status=403, body=b"<html>"), "403", id="a proxy that says no"),
        pytest.param(
            Answer(status=403, chunks=[b'{"kind":"Status"'], fault="reset"), "403", id="an answer that broke off"
        ),
        pytest.param(
            Answer(
                status=403,
                body=b'{"kind":"Status","reason":"Forbidden","details":{"causes":[{"reason":"NamespaceTerminating"}]}}',
            ),
            "NamespaceTerminating",
            id="a namespace that is being deleted",
        ),
    ],
)
async def test_a_403_is_counted_once_and_as_what_it_is(
    scripted: ScriptedServer, wire: Transport, calls: Calls, answer: Answer, code: str
) -> None:
    scripted.answers = [answer]
    with pytest.raises((Refused, Unreachable)):
        await wire.create("/a", b"{}")
    assert calls.told == [("POST", code)]


async def test_every_request_says_who_we_are_and_carries_the_token(
    scripted: ScriptedServer, wire: Transport, calls: Calls
) -> None:
    await wire.get("/a")
    await wire.create("/a", b"{}")
    await wire.replace("/a", b"{}")
    await wire.patch("/a", b"{}")
    await wire.delete("/a", b"{}")
    assert {seen.headers["User-Agent"] for seen in scripted.requests} == {"fleetdns/0.1.0"}
    assert {seen.headers["Authorization"] for seen in scripted.requests} == {"Bearer first"}
    assert [(seen.method, seen.path) for seen in scripted.requests] == [
        ("GET", "/a"),
        ("POST", "/a?fieldManager=fleetdns"),
        ("PUT", "/a?fieldManager=fleetdns"),
        ("PATCH", "/a?fieldManager=fleetdns"),
        ("DELETE", "/a"),
    ]
    assert scripted.requests[3].headers["Content-Type"] == "application/merge-patch+json"
    assert calls.told == [(method, "200") for method in ("GET", "POST", "PUT", "PATCH", "DELETE")]


@pytest.mark.parametrize(
    ("scripted_answer", "expected"),
    [
        pytest.param(status(410, "Expired"), Expired, id="too old a version"),
        pytest.param(status(504, "Timeout", "ResourceVersionTooLarge"), Expired, id="too new a version"),
        pytest.param(status(504, "Timeout"), Unavailable, id="a time-out of theirs"),
        pytest.param(status(404, "NotFound"), NotServed, id="no such kind"),
        pytest.param(
            Answer(404, b"404 page not found\n", content_type="text/plain; charset=utf-8"),
            NotServed,
            id="no such group, in plain text",
        ),
        pytest.param(page(404), Unavailable, id="a proxy's 404 proves no absence"),
        pytest.param(status(401, "Unauthorized"), Unauthenticated, id="a token that is no good"),
        pytest.param(status(403, "Forbidden"), Denied, id="a right that is missing"),
        pytest.param(page(403), Unavailable, id="a proxy's 403"),
        pytest.param(status(500, "InternalError"), Unavailable, id="their fault"),
        pytest.param(page(502), Unavailable, id="a gateway's page"),
        pytest.param(page(200), Unavailable, id="a sign-in page with status 200"),
        pytest.param(Answer(302, headers={"Location": "/login"}), Unavailable, id="a redirection"),
        pytest.param(status(400, "BadRequest"), Rejected, id="a request they do not understand"),
        pytest.param(status(422, "Invalid"), Rejected, id="a request they refuse"),
        pytest.param(Answer(fault="reset"), Unavailable, id="a reset"),
        pytest.param(Answer(fault="hang"), Unavailable, id="silence"),
    ],
)
async def test_a_refused_list_or_watch_says_what_to_do_next(
    scripted: ScriptedServer, listing: HubListWatch, scripted_answer: Answer, expected: type[ListWatchError]
) -> None:
    scripted.answers = [scripted_answer]
    for call in (listed(listing), watched(listing)):
        with pytest.raises(ListWatchError) as failure:
            await call
        assert type(failure.value) is expected
    assert len(scripted.requests) == 2


@pytest.mark.parametrize(
    ("scripted_answer", "seconds"),
    [
        pytest.param(status(429, "TooManyRequests", retry_after=3), 3.0, id="in the status"),
        pytest.param(status(429, "TooManyRequests", header="4"), 4.0, id="in the header"),
        pytest.param(
            Answer(429, b"Too many requests", {"Retry-After": "1"}, content_type="text/plain"), 1.0, id="plain text"
        ),
        pytest.param(Answer(429, b"<html>", {"Retry-After": "5"}, content_type="text/html"), 5.0, id="a proxy's"),
        pytest.param(status(429, "TooManyRequests"), None, id="nowhere"),
        pytest.param(status(429, "TooManyRequests", header="soon"), None, id="in no number"),
    ],
)
async def test_a_throttled_list_says_for_how_long(
    scripted: ScriptedServer, listing: HubListWatch, scripted_answer: Answer, seconds: float | None
) -> None:
    scripted.answers = [scripted_answer]
    with pytest.raises(Throttled) as failure:
        await listed(listing)
    assert failure.value.retry_after == seconds


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"kind":"Status"}', b'{"metadata":{}}', b'{"metadata":{"resourceVersion":"1"},"items":{}}']
)
async def test_json_that_is_no_list_is_no_empty_list(
    scripted: ScriptedServer, listing: HubListWatch, body: bytes
) -> None:
    scripted.answers = [Answer(body=body)]
    with pytest.raises(Unavailable):
        await listed(listing)


async def test_null_items_are_an_empty_list(scripted: ScriptedServer, listing: HubListWatch) -> None:
    scripted.answers = [answer(LIST | {"items": None})]
    assert await items(listing) == []


async def test_a_compressed_list_is_read(scripted: ScriptedServer, listing: HubListWatch) -> None:
    body = json.dumps(LIST | {"items": [{"metadata": {"name": "a"}}]}).encode()
    scripted.answers = [Answer(200, gzip.compress(body), {"Content-Encoding": "gzip"})]
    assert await items(listing) == [b'{"metadata": {"name": "a"}}']


NAMED = [{"metadata": {"name": name}, "items": [1]} for name in ("a", "b", "c")]
TOLD = {"metadata": {"resourceVersion": "7", "continue": "more", "remainingItemCount": 9}, "kind": "L"}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(TOLD | {"items": NAMED}, id="before its items"),
        pytest.param({"items": NAMED} | TOLD, id="behind them"),
        pytest.param({"kind": "L", "items": NAMED, "metadata": TOLD["metadata"]}, id="between others"),
    ],
)
async def test_a_list_may_say_its_version_anywhere(
    scripted: ScriptedServer, listing: HubListWatch, body: dict[str, Any]
) -> None:
    whole = json.dumps(body).encode()
    scripted.answers = [Answer(chunks=[whole[at : at + 7] for at in range(0, len(whole), 7)])]
    taken: list[bytes | memoryview] = []
    page = await listing.list(resource_version="", limit=3, continue_token="", take=taken.append)
    assert [json.loads(bytes(item)) for item in taken] == NAMED
    assert (page.resource_version, page.continue_token) == ("7", "more")


WHOLE = json.dumps({"metadata": TOLD["metadata"], "items": NAMED}).encode()


async def test_a_list_that_ends_early_is_never_a_whole_one(scripted: ScriptedServer, listing: HubListWatch) -> None:
    for length in range(1, len(WHOLE)):
        scripted.answers = [Answer(body=WHOLE[:length])]
        with pytest.raises(Unavailable):
            await listed(listing)
    scripted.answers = [Answer(body=WHOLE)]
    assert await items(listing) == [json.dumps(item).encode() for item in NAMED]


@pytest.mark.parametrize(
    ("last", "fault"),
    [
        pytest.param(b', {"metadata"', "reset", id="cut in an item"),
        pytest.param(b"", "reset", id="cut between two"),
        pytest.param(b"]", "reset", id="cut behind the last"),
        pytest.param(b"", "hang", id="silent between two"),
        pytest.param(b"]} {}", None, id="more behind its end"),
        pytest.param(b', <html>"no"</html>', None, id="a page of somebody's in the middle"),
    ],
)
async def test_a_list_that_breaks_behind_some_items_is_unavailable(
    scripted: ScriptedServer, listing: HubListWatch, last: bytes, fault: Literal["reset", "hang"] | None
) -> None:
    first = WHOLE[: WHOLE.index(b', {"metadata": {"name": "b"}')]
    scripted.answers = [Answer(chunks=[first, last] if last else [first], fault=fault)]
    taken: list[bytes | memoryview] = []
    with pytest.raises(Unavailable):
        await listing.list(resource_version="", limit=None, continue_token="", take=taken.append)
    assert json.loads(bytes(taken[0])) == NAMED[0]


async def test_items_whose_name_is_spelled_otherwise_are_not_taken_for_none(
    scripted: ScriptedServer, listing: HubListWatch
) -> None:
    scripted.answers = [Answer(body=WHOLE.replace(b'"items": [{', b'"\\u0069tems": [{', 1))]
    with pytest.raises(Unavailable):
        await listed(listing)


async def test_others_run_while_a_long_list_comes_in_one_piece(scripted: ScriptedServer, wire: Transport) -> None:
    scripted.answers = [answer(LIST | {"items": [{"metadata": {"name": "a" * 1000}}] * 4000})]
    turns, at = 0, []

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    running = asyncio.create_task(others())
    await HubListWatch(wire, PROFILE, None).list(
        resource_version="", limit=None, continue_token="", take=lambda _: at.append(turns)
    )
    running.cancel()
    assert len(at) == 4000
    assert max(Counter(at).values()) < 200


async def test_what_the_reader_of_an_item_raises_rises_and_frees_the_connection(
    scripted: ScriptedServer, listing: HubListWatch
) -> None:
    scripted.answers = [Answer(body=WHOLE)]

    def broken(_item: bytes | memoryview) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await listing.list(resource_version="", limit=None, continue_token="", take=broken)
    assert (await listed(listing)).resource_version == "7"


async def test_a_watch_may_be_silent_for_as_long_as_its_reader_likes(
    scripted: ScriptedServer, listing: HubListWatch
) -> None:
    """What silence means is the reflector's to say: nothing for a while, a restored server after four times."""
    scripted.answers = [Answer(chunks=[b'{"type":"BOOKMARK"}\n'], fault="hang")]
    async with listing.watch(resource_version="7", timeout_seconds=300, initial_events=False) as lines:
        assert await anext(lines) == b'{"type":"BOOKMARK"}\n'
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3 * QUICK.opening):
                await anext(lines)


async def test_a_server_that_is_silent_in_four_watches_is_asked_for_its_state(
    scripted: ScriptedServer, wire: Transport
) -> None:
    scripted.answers = [answer(LIST), *[Answer(chunks=[b"\n"], fault="hang")] * 4, answer(LIST), Answer(fault="hang")]
    replaced = asyncio.Semaphore(0)
    reflector = Reflector(
        HubListWatch(wire, PROFILE, None),
        StructCodec(TrafficManagerProfile),
        random=Random(1),
        stall_timeout=2 * QUICK.opening,
    )
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        reading = group.create_task(reflector.run(lambda event: replaced.release()))
        await replaced.acquire()
        await replaced.acquire()
        reading.cancel()
    assert ["watch=" in seen.path for seen in scripted.requests[:6]] == [False, True, True, True, True, False]


async def test_a_watch_cut_in_the_middle_of_a_chunk_is_unavailable(
    scripted: ScriptedServer, listing: HubListWatch
) -> None:
    scripted.answers = [Answer(chunks=[b'{"type":"BOOKMARK"}\n', b'{"type":"ADD'], fault="reset")]
    with pytest.raises(Unavailable):
        await watched(listing)


async def test_a_last_line_without_its_end_is_passed_on_as_it_is(
    scripted: ScriptedServer, listing: HubListWatch
) -> None:
    scripted.answers = [Answer(chunks=[b'{"a":1}\n{"b":', b"2"])]
    assert await watched(listing) == [b'{"a":1}\n', b'{"b":2']


async def test_a_line_of_four_megabytes_is_one_event(scripted: ScriptedServer, opened: Open, tmp_path: Path) -> None:
    line = b'"' + b"x" * (4 << 20) + b'"\n'
    scripted.answers = [Answer(chunks=[line])]
    transport = await opened(kubeconfig(tmp_path / "config", server=scripted.url))
    assert await watched(HubListWatch(transport, PROFILE, None)) == [line]


async def test_a_line_without_end_is_given_up(scripted: ScriptedServer, opened: Open, tmp_path: Path) -> None:
    scripted.answers = [Answer(chunks=[b"x" * (1 << 20)] * 17)]
    transport = await opened(kubeconfig(tmp_path / "config", server=scripted.url))
    with pytest.raises(LineTooLong):
        await watched(HubListWatch(transport, PROFILE, None))


async def test_leaving_a_watch_early_closes_its_connection(scripted: ScriptedServer, listing: HubListWatch) -> None:
    scripted.answers = [Answer(chunks=[b"{}\n"], fault="hang"), answer(LIST)]
    async with listing.watch(resource_version="7", timeout_seconds=300, initial_events=False) as lines:
        await anext(lines)
    assert (await listed(listing)).resource_version == "7"


async def test_nobody_listening_is_unreachable(opened: Open, tmp_path: Path, calls: Calls) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    transport = await opened(kubeconfig(tmp_path / "config", server=f"http://127.0.0.1:{port}"), timeouts=QUICK)
    with pytest.raises(Unreachable):
        await transport.get("/a")
    assert calls.told == [("GET", "<error>")]


async def test_a_silent_peer_is_noticed_below_http_too(
    scripted: ScriptedServer, wire: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []
    original = socket.socket

    def remembered(*args: Any, **options: Any) -> socket.socket:
        made.append(original(*args, **options))
        return made[-1]

    monkeypatch.setattr("fleetdns.kube.transport.socket.socket", remembered)
    await wire.get("/a")
    ours = [sock for sock in made if scripted.url.endswith(f":{sock.getpeername()[1]}")]
    assert [sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for sock in ours] == [1]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (collection(PROFILE, None), "/apis/networking.fleet.azure.com/v1beta1/trafficmanagerprofiles"),
        (collection(PROFILE, "a"), "/apis/networking.fleet.azure.com/v1beta1/namespaces/a/trafficmanagerprofiles"),
        (collection(Resource("", "v1", "events", "Event"), "a"), "/api/v1/namespaces/a/events"),
        (item(Resource("", "v1", "namespaces", "Namespace"), ObjectKey("", "a")), "/api/v1/namespaces/a"),
        (
            item(PROFILE, ObjectKey("a", "b"), "status"),
            "/apis/networking.fleet.azure.com/v1beta1/namespaces/a/trafficmanagerprofiles/b/status",
        ),
    ],
)
def test_kinds_and_objects_have_their_addresses(path: str, expected: str) -> None:
    assert path == expected


@pytest.mark.parametrize(
    ("user", "says"),
    [
        pytest.param({"token": "old"}, "does not take the credentials of context c of the kubeconfig", id="a token"),
        pytest.param({}, "wants to know who asks; context c of the kubeconfig", id="none"),
    ],
)
async def test_a_401_says_whose_credentials_were_sent(
    scripted: ScriptedServer, opened: Open, tmp_path: Path, user: dict[str, str], says: str
) -> None:
    scripted.answers = [status(401, "Unauthorized")]
    given = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": scripted.url}}],
        "users": [{"name": "u", "user": user}],
    }
    (tmp_path / "theirs").write_text(json.dumps(given))
    wire = await opened(str(tmp_path / "theirs"), timeouts=QUICK, server="the hub")
    with pytest.raises(Unauthenticated, match=f"^the hub {says} ") as failure:
        await listed(HubListWatch(wire, PROFILE, None))
    assert str(tmp_path / "theirs") in str(failure.value)
    scripted.answers = [status(403, "Forbidden")]
    with pytest.raises(Denied) as refusal:
        await listed(HubListWatch(wire, PROFILE, None))
    assert str(refusal.value).endswith("holds no credentials") == (not user)
