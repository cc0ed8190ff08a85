"""Public IP addresses as a client lists them: pages, versions, groups it may not see, and faults of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fleetdns.emulator.azure.service import Behaviour, Fault
from tests.emulator_azure.arm import SUBSCRIPTION, Arm, error_of, message_of, profile_body, profile_path, public_ip

VERSION = "2024-05-01"
GROUP = public_ip("").removesuffix("/")
WHOLE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/publicIPAddresses"


def arm_with_addresses(*names: str, behaviour: Behaviour | None = None) -> Arm:
    arm = Arm(behaviour)
    for name in names:
        arm.service.set_public_ip(public_ip(name), None)
    return arm


def pages(arm: Arm, path: str, *, version: str = VERSION) -> Iterator[list[str]]:
    """The names on each page, following the links as a client does."""
    query: dict[str, str] = {"api-version": version}
    while True:
        body: dict[str, Any] = arm.get(path, version=None, query=query, headers={"Host": "127.0.0.1:1234"}).json()
        yield [item["name"] for item in body["value"]]
        if "nextLink" not in body:
            return
        link = urlsplit(body["nextLink"])
        assert (link.netloc, link.path) == ("127.0.0.1:1234", path)
        query = dict(parse_qsl(link.query))


def test_a_list_comes_in_pages() -> None:
    arm = arm_with_addresses(*"edcba", behaviour=Behaviour(page_size=2))
    assert list(pages(arm, GROUP)) == [["a", "b"], ["c", "d"], ["e"]]
    arm.service.remove_public_ip(public_ip("e"))
    assert list(pages(arm, GROUP)) == [["a", "b"], ["c", "d"]]


def test_the_list_of_a_subscription_comes_in_pages_over_its_groups() -> None:
    arm = Arm(Behaviour(page_size=1))
    for group in ("nodes", "nodes-2", "nodes2"):
        arm.service.set_public_ip(public_ip(f"of-{group}", group=group), None)
    assert sorted(name for page in pages(arm, WHOLE) for name in page) == ["of-nodes", "of-nodes-2", "of-nodes2"]


def test_profiles_in_groups_whose_names_begin_alike_are_on_one_page_each() -> None:
    arm = Arm(Behaviour(page_size=1))
    for group in ("fleet", "fleet-2"):
        arm.put(profile_path(group, group=group), profile_body(group))
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Network/trafficManagerProfiles"
    assert sorted(name for page in pages(arm, path, version="2022-04-01") for name in page) == ["fleet", "fleet-2"]


def test_a_token_of_no_page_is_refused() -> None:
    reply = arm_with_addresses("a").get(GROUP, version=VERSION, query={"$skipToken": "%"})
    assert error_of(reply) == (400, "BadRequest")


@pytest.mark.parametrize("path", [GROUP, WHOLE, public_ip("a")])
def test_a_version_must_be_named(path: str) -> None:
    arm = arm_with_addresses("a")
    assert error_of(arm.get(path, version=None)) == (400, "MissingApiVersionParameter")
    assert error_of(arm.get(path, version="newest")) == (400, "InvalidApiVersionParameter")
    assert arm.get(path, version=VERSION).status == 200


def test_a_group_that_is_not_there_or_not_to_be_seen() -> None:
    arm = arm_with_addresses("a", behaviour=Behaviour(groups=frozenset(("fleet",))))
    assert error_of(arm.get(GROUP, version=VERSION)) == (404, "ResourceGroupNotFound")
    arm.service.behaviour = Behaviour(groups=frozenset(("fleet",)), unknown_group="forbidden")
    reply = arm.get(GROUP, version=VERSION)
    assert error_of(reply) == (403, "AuthorizationFailed")
    assert "'Microsoft.Network/publicIPAddresses/read' over scope" in message_of(reply)


def test_faults_hit_public_ips_alone_or_those_of_one_group() -> None:
    arm = arm_with_addresses("a")
    arm.service.set_public_ip(public_ip("b", group="other"), None)
    arm.service.add_fault(Fault(kind="throttled", operation="publicips.list", retry_after=7, times=1))
    assert arm.get(profile_path("none")).status == 404
    reply = arm.get(GROUP, version=VERSION)
    assert (*error_of(reply), reply.headers["Retry-After"]) == (429, "TooManyRequests", "7")
    arm.service.add_fault(Fault(kind="forbidden", operation="publicips.*", group="OTHER"))
    assert arm.get(GROUP, version=VERSION).status == 200
    assert error_of(arm.get(public_ip("b", group="other"), version=VERSION)) == (403, "AuthorizationFailed")


def test_calls_are_counted_by_what_they_ask() -> None:
    arm = arm_with_addresses("a", "b", behaviour=Behaviour(page_size=1))
    list(pages(arm, GROUP))
    arm.get(public_ip("a"), version=VERSION)
    assert arm.service.calls.counts == {"publicips.list": 2, "publicips.get": 1}
