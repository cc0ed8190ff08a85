"""A list of profiles is decoded once: what comes again as it was has the value that it had."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from fleetdns.azure import profilelist
from fleetdns.azure.codec import decode_listed
from fleetdns.azure.profilelist import ProfileList
from fleetdns.azure.recognition import Decoded, ListMemory
from fleetdns.core.trafficmanager import Profile
from fleetdns.runtime.elements import Malformed, fingerprint
from tests.azure.values import GROUP, SUBSCRIPTION, endpoint_body, profile_body


class Reader:
    """Reads lists one after the other, as the adapter does. `decoded`: the names decoded by the last one."""

    def __init__(self) -> None:
        self.decoded: list[str] = []
        self.undecodable: list[str] = []
        self._before: Decoded[Profile] = Decoded()

    def decode(self, raw: bytes, **options: Any) -> Profile:
        """Stands in for the codec's own, and counts."""
        self.decoded.append(msgspec.json.decode(raw)["name"])
        return decode_listed(raw, **options)

    async def read(self, *bodies: dict[str, Any], size: int = 1000) -> ProfileList:
        self.decoded, self.undecodable = [], []
        found = ProfileList(
            SUBSCRIPTION,
            GROUP,
            before=self._before,
            on_undecodable=lambda name, _: self.undecodable.append(name),
        )
        await found.read(_chunks(msgspec.json.encode({"value": list(bodies)}), size))
        self._before = found.decoded
        return found

    def names(self, found: ProfileList) -> list[str]:
        return [profile.ref.name for profile in found.listing.profiles]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Reader:
    made = Reader()
    monkeypatch.setattr(profilelist, "decode_listed", made.decode)
    return made


def body(name: str, *, monitor: str = "Online") -> dict[str, Any]:
    return profile_body(name, endpoints=[endpoint_body(endpointMonitorStatus=monitor)] * 3)


async def _chunks(raw: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


async def test_a_list_that_is_as_it_was_is_not_decoded(reader: Reader) -> None:
    bodies = [body(f"p{number}") for number in range(5)]
    first = await reader.read(*bodies)
    second = await reader.read(*bodies, size=77)
    assert reader.decoded == []
    assert all(now is before for now, before in zip(second.listing.profiles, first.listing.profiles, strict=True))


@pytest.mark.parametrize("size", [1, 2, 1000])
async def test_a_list_behind_a_byte_order_mark_is_a_list(size: int) -> None:
    found = ProfileList(SUBSCRIPTION, GROUP, before=Decoded(), on_undecodable=lambda name, because: None)
    await found.read(_chunks(BOM_UTF8 + msgspec.json.encode({"value": [body("a"), body("b")]}), size))
    assert [profile.ref.name for profile in found.listing.profiles] == ["a", "b"]


async def test_only_the_profile_that_changed_is_decoded(reader: Reader) -> None:
    await reader.read(body("a"), body("b"), body("c"))
    changed = await reader.read(body("a"), body("b", monitor="Degraded"), body("c"))
    assert reader.decoded == ["b"]
    assert [profile.endpoints[0].monitor_status for profile in changed.listing.profiles] == [
        "Online",
        "Degraded",
        "Online",
    ]


@pytest.mark.parametrize(
    ("names", "decoded"),
    [
        pytest.param("abxcd", ["x"], id="one more in the middle"),
        pytest.param("xabcd", ["x"], id="one more before all"),
        pytest.param("abcdx", ["x"], id="one more behind all"),
        pytest.param("acd", [], id="one less"),
        pytest.param("dcba", [], id="the other way round"),
        pytest.param("", [], id="none left"),
    ],
)
async def test_the_order_of_a_list_does_not_matter(reader: Reader, names: str, decoded: list[str]) -> None:
    await reader.read(*map(body, "abcd"))
    found = await reader.read(*map(body, names))
    assert (reader.names(found), reader.decoded) == (list(names), decoded)


async def test_what_was_gone_for_one_list_is_not_remembered(reader: Reader) -> None:
    await reader.read(body("a"), body("b"))
    await reader.read(body("b"))
    await reader.read(body("a"), body("b"))
    assert reader.decoded == ["a"]


async def test_a_profile_nobody_understands_is_present_in_every_list(reader: Reader) -> None:
    bad = profile_body("Bad", dnsConfig=None)
    for _ in range(2):
        found = await reader.read(body("a"), bad, body("b"))
        assert reader.names(found) == ["a", "b"]
        assert found.listing.unreadable == {"bad"}
        assert reader.undecodable == ["Bad"]
    assert reader.decoded == ["Bad"]


def listed(*names: str) -> Decoded[str]:
    decoded: Decoded[str] = Decoded()
    for name in names:
        decoded.add(fingerprint(name.encode()), name)
    return decoded


def test_a_group_is_compared_with_its_own_last_list_and_at_first_with_that_of_everything() -> None:
    memory: ListMemory[str] = ListMemory()
    assert memory.of("s", "one").values == ()
    memory.keep("s", "", listed("a", "b"))
    memory.keep("s", "one", listed("a"))
    assert memory.of("s", "one").values == ("a",)
    assert memory.of("s", "two").values == ("a", "b")
    assert memory.of("other", "one").values == ()


def test_the_list_of_everything_is_forgotten_when_groups_are_listed_again() -> None:
    memory: ListMemory[str] = ListMemory()
    memory.keep("s", "", listed("a", "b"))
    for _ in range(2):
        memory.keep("s", "one", listed("a"))
    assert memory.of("s", "two").values == ()


def test_a_group_that_is_empty_takes_no_room() -> None:
    memory: ListMemory[str] = ListMemory()
    memory.keep("s", "one", listed("a"))
    memory.keep("s", "one", listed())
    assert memory.of("s", "one").values == ()


@pytest.mark.parametrize(
    "raw",
    [b'{"value":null}', b"{}", b"", b'{"value":{}}', b"[]", b"<html>", b'{"value":[]}x', b'{"v\\u0061lue":[{}]}'],
)
async def test_what_is_no_list_is_malformed(raw: bytes) -> None:
    profiles = ProfileList(SUBSCRIPTION, GROUP, before=Decoded(), on_undecodable=lambda _name, _because: None)
    with pytest.raises(Malformed):
        await profiles.read(_chunks(raw, 3))


@pytest.mark.parametrize("link", [None, ""])
async def test_a_list_without_a_link_has_one_page(link: str | None) -> None:
    profiles = ProfileList(SUBSCRIPTION, GROUP, before=Decoded(), on_undecodable=lambda _name, _because: None)
    page = await profiles.read(_chunks(msgspec.json.encode({"nextLink": link, "value": [body("a")]}), 100))
    assert (page.next_link, len(profiles.listing.profiles)) == (None, 1)
