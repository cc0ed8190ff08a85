"""Lists: versions, pages of one moment, selectors, and what each kind's list looks like."""

from __future__ import annotations

import time
from typing import Any

import pytest

from fleetdns.emulator.hub.rest import Hub
from tests.emulator_hub.shops import (
    CONFIG_MAPS,
    GROUP,
    OLD_SHOPS,
    SHOPS,
    config_map,
    labelled,
    make_hub,
    refused,
    shop,
    version_of,
)


def _names(listed: dict[str, Any]) -> list[str]:
    return [item["metadata"]["name"] for item in listed["items"]]


def _fill(hub: Hub, *names: str) -> None:
    for name in names:
        hub.create(*SHOPS, shop(name))


def test_a_custom_list_says_where_it_ends_and_what_its_items_are(hub: Hub) -> None:
    _fill(hub, "b", "a")
    listed = hub.list(*SHOPS)
    assert (listed["kind"], listed["apiVersion"]) == ("ShopList", "ex.io/v1beta1")
    assert listed["metadata"] == {"resourceVersion": str(hub.store.revision), "continue": ""}
    assert _names(listed) == ["a", "b"]
    assert {item["kind"] for item in hub.list(*OLD_SHOPS)["items"]} == {"Shop"}
    assert {item["apiVersion"] for item in hub.list(*OLD_SHOPS)["items"]} == {"ex.io/v1alpha1"}


def test_a_built_in_list_leaves_both_out(hub: Hub) -> None:
    hub.create(*CONFIG_MAPS, config_map())
    listed = hub.list(*CONFIG_MAPS)
    assert listed["metadata"] == {"resourceVersion": str(hub.store.revision)}
    assert not {"kind", "apiVersion"} & listed["items"][0].keys()


def test_all_namespaces_come_in_order_of_namespace_and_name(hub: Hub) -> None:
    _fill(hub, "z", "b")
    hub.create(GROUP, "v1beta1", "shops", "kube-system", shop("a"))
    assert _names(hub.list(GROUP, "v1beta1", "shops", None)) == ["b", "z", "a"]
    assert _names(hub.list(GROUP, "v1beta1", "shops", "kube-system")) == ["a"]


def test_pages_show_the_moment_of_the_first_one(hub: Hub) -> None:
    _fill(hub, "a", "b", "c", "d", "e")
    first = hub.list(*SHOPS, limit=2)
    assert first["metadata"]["remainingItemCount"] == 3
    hub.delete(*SHOPS, "c")
    hub.patch(*SHOPS, "d", {"spec": {"weight": 99}})
    _fill(hub, "cc")
    second = hub.list(*SHOPS, limit=2, continue_token=first["metadata"]["continue"])
    third = hub.list(*SHOPS, limit=2, continue_token=second["metadata"]["continue"])
    assert [_names(page) for page in (first, second, third)] == [["a", "b"], ["c", "d"], ["e"]]
    assert second["items"][1]["spec"]["weight"] == 1
    assert {page["metadata"]["resourceVersion"] for page in (first, second, third)} == {
        first["metadata"]["resourceVersion"]
    }
    assert third["metadata"]["continue"] == ""


def test_an_expired_page_offers_an_inconsistent_rest(hub: Hub) -> None:
    _fill(hub, "a", "b", "c")
    token = hub.list(*SHOPS, limit=1)["metadata"]["continue"]
    hub.delete(*SHOPS, "b")
    hub.compact()
    error = refused(lambda: hub.list(*SHOPS, limit=1, continue_token=token))
    assert (error.code, error.reason) == (410, "Expired")
    assert error.message.startswith("The provided continue parameter is too old to display a consistent list result.")
    rest = hub.list(*SHOPS, limit=5, continue_token=error.metadata["continue"])
    assert _names(rest) == ["c"]


def test_an_older_version_can_be_listed_exactly_until_it_is_compacted(hub: Hub) -> None:
    _fill(hub, "a")
    then = str(hub.store.revision)
    hub.delete(*SHOPS, "a")
    _fill(hub, "b")
    assert _names(hub.list(*SHOPS, resource_version=then, match="Exact")) == ["a"]
    assert _names(hub.list(*SHOPS, resource_version=then, limit=10)) == ["a"]
    assert _names(hub.list(*SHOPS, resource_version=then)) == ["b"]
    assert _names(hub.list(*SHOPS, resource_version=then, match="NotOlderThan", limit=10)) == ["b"]
    hub.compact()
    error = refused(lambda: hub.list(*SHOPS, resource_version=then, match="Exact"))
    assert (error.code, error.reason) == (410, "Expired")


def test_version_zero_ignores_the_limit_and_minus_one_means_all(hub: Hub) -> None:
    _fill(hub, "a", "b", "c")
    assert len(hub.list(*SHOPS, resource_version="0", limit=1)["items"]) == 3
    assert len(hub.list(*SHOPS, limit=-1)["items"]) == 3


def test_a_version_from_the_future_is_a_504_that_says_when_to_come_back(hub: Hub) -> None:
    error = refused(lambda: hub.list(*SHOPS, resource_version="999"))
    assert (error.code, error.reason, error.retry_after) == (504, "Timeout", 1)
    assert error.message == f"Timeout: Too large resource version: 999, current: {hub.store.revision}"
    assert error.details is not None
    assert error.details["causes"][0]["reason"] == "ResourceVersionTooLarge"
    _fill(hub, "a")
    assert refused(lambda: hub.get(*SHOPS, "a", resource_version="999")).code == 504


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        pytest.param(
            {"match": "Exact"},
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden '
            "unless resourceVersion is provided",
            id="a match needs a version",
        ),
        pytest.param(
            {"match": "Exact", "resource_version": "0"},
            422,
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is '
            'forbidden for resourceVersion "0"',
            id="nothing is exactly zero",
        ),
        pytest.param(
            {"resource_version": "1", "continue_token": "x"},
            400,
            "specifying resource version is not allowed when using continue",
            id="a page has its own version",
        ),
        pytest.param({"label_selector": "a in (b"}, 400, None, id="a broken label selector"),
        pytest.param({"field_selector": "spec.weight=1"}, 400, "field label not supported: spec.weight", id="a field"),
        pytest.param({"resource_version": "abc"}, 400, None, id="a version that is no number"),
        pytest.param({"continue_token": "bm90IGpzb24"}, 400, None, id="a token nobody gave"),
    ],
)
def test_refuses(hub: Hub, options: dict[str, Any], code: int, message: str | None) -> None:
    error = refused(lambda: hub.list(*SHOPS, **options))
    assert error.code == code
    assert message is None or error.message == message


def test_a_page_of_version_zero_is_allowed(hub: Hub) -> None:
    _fill(hub, "a", "b")
    token = hub.list(*SHOPS, limit=1)["metadata"]["continue"]
    assert _names(hub.list(*SHOPS, resource_version="0", continue_token=token)) == ["b"]


def test_selected_pages_do_not_say_how_many_remain(hub: Hub) -> None:
    for name in ("a", "b", "c"):
        hub.create(*SHOPS, labelled(shop(name), tier="one"))
    page = hub.list(*SHOPS, limit=1, label_selector="tier=one")
    assert page["metadata"]["continue"]
    assert "remainingItemCount" not in page["metadata"]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=one", ["a"]),
        ("tier==one", ["a"]),
        ("tier!=one", ["b", "c"]),
        ("tier in (one, two)", ["a", "b"]),
        ("tier notin (one,two)", ["c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
        ("size>3", ["b"]),
        ("size<3", ["a"]),
        ("tier=two,size>3", ["b"]),
        ("tier=one,!tier", []),
        ("", ["a", "b", "c"]),
    ],
)
def test_label_selectors(hub: Hub, selector: str, names: list[str]) -> None:
    hub.create(*SHOPS, labelled(shop("a"), tier="one", size="2"))
    hub.create(*SHOPS, labelled(shop("b"), tier="two", size="4"))
    hub.create(*SHOPS, shop("c"))
    assert _names(hub.list(*SHOPS, label_selector=selector)) == names


def test_field_selectors(hub: Hub) -> None:
    _fill(hub, "a", "b")
    assert _names(hub.list(*SHOPS, field_selector="metadata.name=a")) == ["a"]
    assert _names(hub.list(*SHOPS, field_selector="metadata.name!=a,metadata.namespace=default")) == ["b"]


def test_ten_thousand_objects_come_in_pages_at_once() -> None:
    hub = make_hub(history=20_000)
    for number in range(10_000):
        hub.store.put("shops.ex.io", _key(number), _stored(number))
    started, seen, token = time.process_time(), 0, ""
    while True:
        page = hub.list(*SHOPS, limit=500, continue_token=token)
        seen, token = seen + len(page["items"]), page["metadata"]["continue"]
        if not token:
            break
    assert seen == 10_000
    # Measured at 0.15 s; a page must never cost a scan of all pages before it decoded.
    assert time.process_time() - started < 5


def _key(number: int) -> Any:
    from fleetdns.emulator.hub.store import Key

    return Key("default", f"shop-{number:05}")


def _stored(number: int) -> dict[str, Any]:
    obj = shop(f"shop-{number:05}", weight=number % 1000)
    return obj | {"metadata": obj["metadata"] | {"namespace": "default", "uid": str(number)}}


def test_versions_rise_over_all_kinds(hub: Hub) -> None:
    first = version_of(hub.create(*SHOPS, shop()))
    assert version_of(hub.create(*CONFIG_MAPS, config_map())) == first + 1
