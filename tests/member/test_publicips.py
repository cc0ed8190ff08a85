"""Public IPs: one list for all Services of a group, fresh where something is unknown, and within a budget."""

from __future__ import annotations

import asyncio
import itertools

import pytest

from fleetdns.core.publicip import Finding, NotThere, PublicIP, Untold
from fleetdns.errors import FleetDNSError, Forbidden, Rejected, Throttled, Transient
from fleetdns.member.publicips import PublicIPDirectory
from tests.core.memberbuilders import GROUP, make_ip
from tests.member.fakes import FakePublicIPs
from tests.member.world import Told, directory, most_in

pytestmark = pytest.mark.looptime

AWAY = Transient("ServiceUnavailable", "The service is unavailable.")
OTHER = "other-group"


def azure_with(*addresses: str, latency: float = 0.5) -> FakePublicIPs:
    azure = FakePublicIPs(latency=latency)
    for address in addresses:
        azure.put(make_ip(address), group=GROUP)
    return azure


async def found(known: PublicIPDirectory, address: str, group: str = GROUP) -> Finding:
    return await known.find(group, address, is_enough=lambda ip: True)


async def waited_for(known: PublicIPDirectory, address: str, group: str = GROUP) -> Finding:
    """Asked again and again when that may help, as the reconciler does."""
    async with asyncio.timeout(3600):
        while True:
            finding = await found(known, address, group)
            if isinstance(finding, PublicIP):
                return finding
            await asyncio.sleep(max(1.0, known.wait(group)))


async def test_all_who_ask_at_once_are_answered_by_one_list() -> None:
    azure = azure_with(*(f"20.0.0.{n}" for n in range(100)))
    known = directory(azure, Told())
    findings = await asyncio.gather(*(found(known, f"20.0.0.{n}") for n in range(100)))
    assert [f.address for f in findings if isinstance(f, PublicIP)] == [f"20.0.0.{n}" for n in range(100)]
    assert len(azure.calls) == 1


async def test_an_address_is_found_however_it_is_spelled() -> None:
    azure = azure_with("2603:1030::ab")
    assert isinstance(await found(directory(azure, Told()), "2603:1030:0:0:0:0:0:AB"), PublicIP)


async def test_a_group_has_one_name_in_any_case() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    await found(known, "20.0.0.1", GROUP.upper())
    await found(known, "20.0.0.1", GROUP.lower())
    assert len(azure.calls) == 1


async def test_what_is_known_is_not_asked_for_again() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    for _ in range(100):
        await found(known, "20.0.0.1")
        await asyncio.sleep(10)
    assert len(azure.calls) == 1


async def test_an_address_that_is_new_is_found_within_seconds() -> None:
    azure = azure_with()
    known = directory(azure, Told())
    await found(known, "20.0.0.1")
    await asyncio.sleep(600)
    azure.put(make_ip("20.0.0.2"), group=GROUP)
    started = asyncio.get_running_loop().time()
    await waited_for(known, "20.0.0.2")
    assert asyncio.get_running_loop().time() - started < 1


@pytest.mark.parametrize("interval", [60.0, 3600.0])
async def test_an_address_that_never_comes_costs_one_list_a_minute_and_no_more(interval: float) -> None:
    azure, loop = azure_with(), asyncio.get_running_loop()
    known = directory(azure, Told(), interval=interval)
    looks = 0
    while loop.time() < 3600:
        await found(known, "20.0.0.1")
        looks += 1
        await asyncio.sleep(max(1.0, known.wait(GROUP)))
    assert 50 < len(azure.calls) < 70
    assert looks < 2 * len(azure.calls) + 10
    assert most_in(azure.times(GROUP)[5:], 60) <= 2


async def test_the_first_lists_may_come_early_and_each_waits_longer_than_the_one_before() -> None:
    azure, loop = azure_with(latency=0.0), asyncio.get_running_loop()
    known = directory(azure, Told())
    while loop.time() < 60:
        await found(known, "20.0.0.1")
        await asyncio.sleep(0.1)
    times = azure.times(GROUP)
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(times) == 4
    assert pauses == sorted(pauses)
    assert pauses[0] >= 2


async def test_an_address_is_missing_only_where_a_list_was_begun_after_somebody_asked_for_it() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    await found(known, "20.0.0.1")
    assert await found(known, "20.0.0.2") == Untold(None), "the list is older than the question"
    assert known.wait(GROUP) > 0
    await asyncio.sleep(known.wait(GROUP))
    missing = await found(known, "20.0.0.2")
    assert isinstance(missing, NotThere)
    assert await found(known, "20.0.0.2") == missing, "the answer stands until the next list"


async def test_a_list_that_was_under_way_says_nothing_of_an_address_that_came_meanwhile() -> None:
    azure = azure_with("20.0.0.1", latency=5.0)
    known = directory(azure, Told())
    first = asyncio.create_task(found(known, "20.0.0.1"))
    await asyncio.sleep(1)
    assert isinstance(await found(known, "20.0.0.2"), NotThere)
    assert azure.times(GROUP) == [0, 5], "it was asked once more"
    assert isinstance(await first, PublicIP)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(AWAY, "ServiceUnavailable", id="away"),
        pytest.param(
            Forbidden("AuthorizationFailed", "no"), "Microsoft.Network/publicIPAddresses/read", id="forbidden"
        ),
        pytest.param(Forbidden("InvalidToken", "Expired."), "Expired; the agent's identity", id="a sentence's stop"),
        pytest.param(Forbidden("InvalidToken", "no"), "valid credential", id="a credential that is no good"),
        pytest.param(Throttled("TooManyRequests", "no", retry_after=300), "TooManyRequests", id="throttled"),
        pytest.param(Rejected("ResourceGroupNotFound", "no such group"), "no such group", id="no such group"),
        pytest.param(Rejected("SubscriptionNotFound", "no"), "--subscription-id", id="no such subscription"),
    ],
)
async def test_an_address_that_cannot_be_asked_for_is_not_missing(error: FleetDNSError, words: str) -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    azure.down = error
    finding = await found(known, "20.0.0.1")
    assert isinstance(finding, Untold)
    assert words in str(finding.message)
    assert GROUP in str(finding.message)
    azure.down = None
    assert isinstance(await waited_for(known, "20.0.0.1"), PublicIP)


async def test_what_was_known_before_azure_went_away_is_still_known() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    await known.sweep()
    azure.down = AWAY
    for _ in range(10):
        await asyncio.sleep(60)
        await known.sweep()
    assert await found(known, "20.0.0.1") == make_ip("20.0.0.1")
    assert isinstance(await found(known, "20.0.0.2"), Untold)


async def test_when_azure_throttles_no_group_is_asked_until_it_said_so() -> None:
    azure = azure_with("20.0.0.1")
    azure.put(make_ip("20.0.1.1"), group=OTHER)
    told = Told()
    known = directory(azure, told, in_use=lambda: (GROUP, OTHER))
    azure.faults = [Throttled("TooManyRequests", "no", retry_after=200)]
    await found(known, "20.0.0.1")
    assert known.wait(GROUP) == pytest.approx(200)
    assert known.wait(OTHER) == pytest.approx(200)
    unasked = await found(known, "20.0.1.1", OTHER)
    assert isinstance(unasked, Untold)
    assert "TooManyRequests" in str(unasked.message)
    await known.sweep()
    assert len(azure.calls) == 1
    assert [error.code for _, error in told.failures] == ["TooManyRequests"]
    await asyncio.sleep(200)
    await known.sweep()
    assert isinstance(await found(known, "20.0.0.1"), PublicIP)
    assert isinstance(await found(known, "20.0.1.1", OTHER), PublicIP)


async def test_an_address_that_was_there_is_missing_only_when_a_second_list_leaves_it_out_too() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    await known.sweep()
    azure.remove("20.0.0.1", group=GROUP)
    await asyncio.sleep(60)
    await known.sweep()
    assert await found(known, "20.0.0.1") == Untold(None)
    await asyncio.sleep(known.wait(GROUP))
    assert isinstance(await found(known, "20.0.0.1"), NotThere)
    azure.put(make_ip("20.0.0.1"), group=GROUP)
    assert await waited_for(known, "20.0.0.1") == make_ip("20.0.0.1")


async def test_that_holds_for_an_address_that_an_agent_before_this_one_has_told_the_hub_of() -> None:
    azure = azure_with()
    known = directory(azure, Told())

    async def told(address: str) -> Finding:
        return await known.find(GROUP, address, is_enough=lambda ip: True, is_told=True)

    assert await told("20.0.0.1") == Untold(None)
    await asyncio.sleep(known.wait(GROUP))
    assert isinstance(await told("20.0.0.1"), NotThere)
    assert isinstance(await found(known, "20.0.0.2"), Untold)  # of that one nobody has asked before these lists
    azure.put(make_ip("20.0.0.1"), group=GROUP)
    assert await waited_for(known, "20.0.0.1") == make_ip("20.0.0.1")


async def test_that_holds_for_an_address_that_was_asked_for_again_and_again_for_its_label_too() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    for _ in range(3):
        await known.find(GROUP, "20.0.0.1", is_enough=lambda ip: False)
        await asyncio.sleep(60)
    azure.remove("20.0.0.1", group=GROUP)
    assert await known.find(GROUP, "20.0.0.1", is_enough=lambda ip: False) == Untold(None)
    await asyncio.sleep(60)
    assert isinstance(await known.find(GROUP, "20.0.0.1", is_enough=lambda ip: False), NotThere)


async def test_a_sweep_tells_which_addresses_are_not_as_they_were() -> None:
    azure = azure_with("20.0.0.1", "20.0.0.2", "20.0.0.3")
    changed: list[frozenset[str]] = []
    known = directory(azure, Told(), changed=changed.append)
    await known.sweep()
    azure.put(make_ip("20.0.0.1", label="other"), group=GROUP)
    azure.remove("20.0.0.2", group=GROUP)
    azure.put(make_ip("20.0.0.4"), group=GROUP)
    await asyncio.sleep(60)
    await known.sweep()
    await asyncio.sleep(60)
    await known.sweep()
    assert changed == [
        frozenset({"20.0.0.1", "20.0.0.2", "20.0.0.3"}),
        frozenset({"20.0.0.1", "20.0.0.2", "20.0.0.4"}),
    ]


async def test_a_sweep_leaves_out_a_group_that_was_listed_a_moment_ago() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told())
    await found(known, "20.0.0.1")
    await asyncio.sleep(20)
    await known.sweep()
    assert len(azure.calls) == 1
    await asyncio.sleep(40)
    await known.sweep()
    assert len(azure.calls) == 2


async def test_sweeps_alone_list_each_group_in_use_once_a_minute() -> None:
    azure = azure_with("20.0.0.1")
    known = directory(azure, Told(), in_use=lambda: (GROUP, OTHER))
    running = asyncio.create_task(known.run())
    await asyncio.sleep(3600)
    running.cancel()
    for group in (GROUP, OTHER):
        assert 50 < len(azure.times(group)) < 70
    assert len({at for at, _ in azure.calls}) > 50


async def test_a_group_that_nobody_uses_any_more_is_listed_no_more() -> None:
    azure, groups = azure_with("20.0.0.1"), [GROUP, OTHER]
    known = directory(azure, Told(), in_use=lambda: tuple(groups))
    await known.sweep()
    groups.remove(OTHER)
    for _ in range(5):
        await asyncio.sleep(60)
        await known.sweep()
    assert len(azure.times(OTHER)) == 1
    assert len(azure.times(GROUP)) == 6


async def test_a_group_that_is_used_again_after_hours_is_not_believed_from_memory() -> None:
    azure, groups = azure_with("20.0.0.1"), [GROUP]
    known = directory(azure, Told(), in_use=lambda: tuple(groups))
    await known.sweep()
    groups.clear()
    await asyncio.sleep(60)
    await known.sweep()
    azure.put(make_ip("20.0.0.1", label="other"), group=GROUP)
    assert await found(known, "20.0.0.1") == make_ip("20.0.0.1", label="other")


async def test_a_list_that_is_cut_leaves_the_next_one_free() -> None:
    azure = azure_with("20.0.0.1", latency=5.0)
    known = directory(azure, Told())
    first = asyncio.create_task(found(known, "20.0.0.1"))
    await asyncio.sleep(1)
    first.cancel()
    await asyncio.wait([first])
    assert isinstance(await waited_for(known, "20.0.0.1"), PublicIP)
