"""Listing: whole, in pages that show one moment, at a version, and by selectors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from urllib.parse import quote

import pytest

from tests.contract.client import API
from tests.contract.samples import CONFIG_MAPS, PROFILES, SHOP, config_map, profile

MATCH = "resourceVersionMatch"


async def filled(api: API, names: Iterable[str]) -> None:
    for name in names:
        assert (await api.create(PROFILES, profile(name))).code == 201


def with_version(token: str, version: int) -> str:
    """A continue token as it would have been given at that version; both servers write them alike."""
    position = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    text = json.dumps(position | {"rv": version}, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def test_a_custom_list_says_its_kind_and_the_kinds_of_its_items(api: API) -> None:
    await filled(api, "ba")
    body = (await api.get(PROFILES)).body
    assert (body["kind"], body["metadata"]["continue"]) == ("TrafficManagerProfileList", "")
    assert [(item["kind"], item["metadata"]["name"]) for item in body["items"]] == [
        ("TrafficManagerProfile", "a"),
        ("TrafficManagerProfile", "b"),
    ]


async def test_a_built_in_list_leaves_both_out(api: API) -> None:
    await api.create(CONFIG_MAPS, config_map())
    body = (await api.get(CONFIG_MAPS)).body
    assert "continue" not in body["metadata"]
    assert "kind" not in body["items"][0]


class TestPages:
    async def test_they_show_the_moment_of_the_first_one(self, api: API) -> None:
        await filled(api, "abcde")
        first = await api.get(f"{PROFILES}?limit=2")
        assert (first.names, first.body["metadata"]["remainingItemCount"]) == (["a", "b"], 3)
        await api.create(PROFILES, profile("bb"))
        await api.delete(f"{PROFILES}/d")
        token = first.body["metadata"]["continue"]
        second = await api.get(f"{PROFILES}?limit=2&continue={token}")
        assert (second.names, second.version) == (["c", "d"], first.version)
        last = await api.get(f"{PROFILES}?limit=2&continue={second.body['metadata']['continue']}")
        assert (last.names, last.body["metadata"]["continue"]) == (["e"], "")

    async def test_selected_ones_do_not_say_how_many_remain(self, api: API) -> None:
        for name in "abc":
            await api.create(PROFILES, profile(name, labels={"x": "1"}))
        body = (await api.get(f"{PROFILES}?limit=1&labelSelector=x")).body
        assert body["metadata"]["continue"]
        assert "remainingItemCount" not in body["metadata"]

    @pytest.mark.parametrize("limit", ["0", "-1", "3"])
    async def test_a_limit_of_none_or_enough_gives_all(self, api: API, limit: str) -> None:
        await filled(api, "abc")
        reply = await api.get(f"{PROFILES}?limit={limit}")
        assert (reply.names, reply.body["metadata"]["continue"]) == (["a", "b", "c"], "")

    async def test_a_page_of_another_version_is_refused(self, api: API) -> None:
        await filled(api, "ab")
        token = (await api.get(f"{PROFILES}?limit=1")).body["metadata"]["continue"]
        reply = await api.get(f"{PROFILES}?limit=1&resourceVersion=1&continue={token}")
        assert (reply.code, reply.body["message"]) == (
            400,
            "specifying resource version is not allowed when using continue",
        )

    async def test_one_that_is_too_old_is_a_410_with_a_token_for_what_is_left_now(
        self, api: API, compacted: str
    ) -> None:
        await filled(api, "abcd")
        token = (await api.get(f"{PROFILES}?limit=2")).body["metadata"]["continue"]
        old = await api.get(f"{PROFILES}?limit=2&continue={with_version(token, int(compacted))}")
        assert (old.code, old.body["reason"]) == (410, "Expired")
        assert old.body["message"].startswith("The provided continue parameter is too old")
        await api.delete(f"{PROFILES}/c")
        await filled(api, "ef")
        fresh = old.body["metadata"]["continue"]
        page = await api.get(f"{PROFILES}?limit=2&continue={fresh}")
        assert (page.names, "remainingItemCount" in page.body["metadata"]) == (["d", "e"], True)
        rest = await api.get(f"{PROFILES}?limit=2&continue={page.body['metadata']['continue']}")
        assert (rest.names, rest.body["metadata"]["continue"]) == (["f"], "")

    async def test_they_are_counted_down(self, api: API) -> None:
        await filled(api, "abcde")
        counts, token = [], ""
        for _ in range(3):
            metadata = (await api.get(f"{PROFILES}?limit=2&continue={token}")).body["metadata"]
            counts.append(metadata.get("remainingItemCount"))
            token = metadata["continue"]
        assert (counts, token) == ([3, 1, None], "")


class TestVersions:
    async def test_exactly_means_as_it_was_then(self, api: API) -> None:
        await filled(api, "a")
        then = (await api.get(PROFILES)).version
        await filled(api, "b")
        assert (await api.get(f"{PROFILES}?resourceVersion={then}&{MATCH}=Exact")).names == ["a"]
        # A limit without a match means the same.
        assert (await api.get(f"{PROFILES}?resourceVersion={then}&limit=5")).names == ["a"]

    async def test_exactly_one_that_is_too_old_is_a_410(self, api: API, compacted: str) -> None:
        reply = await api.get(f"{PROFILES}?resourceVersion={compacted}&{MATCH}=Exact")
        assert (reply.code, reply.body["reason"]) == (410, "Expired")
        assert reply.body["message"] == "The resourceVersion for the provided list is too old."

    async def test_not_older_than_may_be_newer(self, api: API) -> None:
        await filled(api, "a")
        then = (await api.get(PROFILES)).version
        await filled(api, "b")
        now = (await api.get(PROFILES)).version
        reply = await api.get(f"{PROFILES}?resourceVersion={now}&{MATCH}=NotOlderThan")
        assert reply.names == ["a", "b"]
        assert int(reply.version) > int(then)

    async def test_one_that_is_yet_to_come_is_a_504_that_says_when_to_come_back(self, api: API) -> None:
        reply = await api.get(f"{PROFILES}?resourceVersion=100000000")
        assert (reply.code, reply.body["reason"], reply.headers["Retry-After"]) == (504, "Timeout", "1")
        assert reply.body["message"].startswith("Timeout: Too large resource version: 100000000, current: ")
        assert reply.body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            pytest.param("resourceVersion=abc", 400, id="a version that is no number"),
            pytest.param("limit=", 400, id="an empty limit"),
            pytest.param("limit=few", 400, id="a limit that is no number"),
            pytest.param("timeoutSeconds=soon", 400, id="a time-out that is no number"),
            pytest.param("continue=nonsense", 400, id="a page that is none"),
            pytest.param(f"{MATCH}=Exact", 422, id="a match without a version"),
            pytest.param(f"{MATCH}=Exact&resourceVersion=0", 422, id="exactly version 0"),
            pytest.param(f"{MATCH}=Sometimes&resourceVersion=1", 422, id="an unknown match"),
            pytest.param(f"sendInitialEvents=true&{MATCH}=NotOlderThan", 422, id="initial events, which are a watch's"),
        ],
    )
    async def test_contradictions_are_refused(self, api: API, query: str, code: int) -> None:
        assert (await api.get(f"{PROFILES}?{query}")).code == code

    async def test_a_get_of_nonsense_is_a_500(self, api: API) -> None:
        await filled(api, ["shop"])
        reply = await api.get(f"{SHOP}?resourceVersion=abc")
        why = 'Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax'
        assert (reply.code, reply.body["message"]) == (500, f"resourceVersion: {why}")


LABELLED = {"a": {"n": "1"}, "b": {"n": "2", "x": "y"}, "c": {"x": "z"}, "d": {}}


class TestSelectors:
    @pytest.mark.parametrize(
        ("selector", "names"),
        [
            pytest.param("n", "ab", id="has the label"),
            pytest.param("!n", "cd", id="has it not"),
            pytest.param("n=1", "a", id="equals"),
            pytest.param("n==1", "a", id="equals twice"),
            pytest.param("n!=1", "bcd", id="differs or has none"),
            pytest.param("n in (1,2)", "ab", id="is one of"),
            pytest.param("n notin (1)", "bcd", id="is none of"),
            pytest.param("n>1", "b", id="is greater"),
            pytest.param("n,x=y", "b", id="both"),
            pytest.param("", "abcd", id="no selector"),
        ],
    )
    async def test_labels(self, api: API, selector: str, names: str) -> None:
        for name, labels in LABELLED.items():
            await api.create(PROFILES, profile(name, labels=labels))
        assert (await api.get(f"{PROFILES}?labelSelector={quote(selector)}")).names == list(names)

    @pytest.mark.parametrize("selector", ["n=1=2", "a b", "n in 1", "!", "n>x", "n=ä", "x/y/z=1"])
    async def test_labels_that_cannot_be_read_are_a_400(self, api: API, selector: str) -> None:
        assert (await api.get(f"{PROFILES}?labelSelector={quote(selector)}")).code == 400

    @pytest.mark.parametrize(
        ("selector", "names"),
        [
            pytest.param("metadata.name=a", "a", id="one name"),
            pytest.param("metadata.name!=a", "bcd", id="all but one name"),
            pytest.param("metadata.namespace=elsewhere", "", id="another namespace"),
        ],
    )
    async def test_fields(self, api: API, selector: str, names: str) -> None:
        await filled(api, "abcd")
        assert (await api.get(f"{PROFILES}?fieldSelector={quote(selector)}")).names == list(names)

    async def test_a_field_that_cannot_be_selected_is_a_400(self, api: API) -> None:
        reply = await api.get(f"{PROFILES}?fieldSelector=spec.resourceGroup=x")
        assert (reply.code, reply.body["message"]) == (400, "field label not supported: spec.resourceGroup")


async def test_all_namespaces_are_listed_in_order(api: API) -> None:
    # Paths are compared: a hyphen comes before the slash that ends the shorter name.
    other = f"{api.namespace}-a"
    await api.create("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    label = {"test": api.namespace}
    for namespace, name in ((other, "a"), (api.namespace, "b"), (api.namespace, "a")):
        await api.create(PROFILES.replace("{ns}", namespace), profile(name, labels=label))
    everywhere = PROFILES.replace("/namespaces/{ns}", "")
    items = (await api.get(f"{everywhere}?labelSelector=test={api.namespace}")).body["items"]
    found = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items]
    assert found == [(other, "a"), (api.namespace, "a"), (api.namespace, "b")]
    paged: list[tuple[str, str]] = []
    token = ""
    while not paged or token:
        page = (await api.get(f"{everywhere}?limit=1&labelSelector=test={api.namespace}&continue={token}")).body
        paged += [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in page["items"]]
        token = page["metadata"]["continue"]
    assert paged == found
