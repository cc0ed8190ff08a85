"""Leader election in virtual time: who leads when, whatever happens to the lease, the network and the clocks."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from fleetdns.runtime.leader import Timing
from fleetdns.runtime.lease import Lease
from tests.runtime.leases import EPOCH, TIMING, Door, Fault, LeaseServer, Replica
from tests.runtime.scripted import NoJitter

pytestmark = pytest.mark.looptime

LONGEST_RETRY = TIMING.retry * 2.2
LONGEST_CALL = 20.0


def now() -> float:
    return asyncio.get_running_loop().time()


async def pair(*, random: Callable[[], Random] = NoJitter) -> tuple[LeaseServer, Replica, Replica]:
    """A leader since 0.0 and one who waits."""
    server = LeaseServer()
    leader, waiting = Replica(server, "a", random=random()), Replica(server, "b", random=random())
    leader.start()
    await leader.elected()
    waiting.start()
    await waiting.notes.heard("following a")
    return server, leader, waiting


async def test_a_lease_that_is_not_there_is_taken_at_once() -> None:
    server = LeaseServer()
    replica = Replica(server, "a", random=NoJitter())
    replica.start()
    assert await replica.elected() == 0.0
    assert server.record is not None
    assert (server.record.holder, server.record.duration, server.record.transitions) == ("a", 30, 0)
    assert server.record.acquired_at == server.record.renewed_at == EPOCH
    await replica.kill()


async def test_the_leader_renews_at_its_interval_with_one_request_each_time() -> None:
    _, leader, waiting = await pair()
    await waiting.kill()
    leader.door.calls.clear()
    await asyncio.sleep(60.5)
    assert leader.door.calls == ["replace"] * 12
    await leader.kill()


async def test_a_renewal_keeps_when_the_lease_was_taken_and_how_often() -> None:
    server, leader, waiting = await pair()
    await asyncio.sleep(11)
    assert server.record is not None
    assert (server.record.acquired_at, server.record.renewed_at) == (EPOCH, EPOCH + timedelta(seconds=10))
    assert server.record.transitions == 0
    await leader.kill()
    await waiting.kill()


@pytest.mark.parametrize("seed", range(10))
async def test_a_killed_leader_is_followed_within_the_lease_and_one_retry(seed: int) -> None:
    server, leader, waiting = await pair(random=lambda: Random(seed))
    await asyncio.sleep(12.3)
    await leader.kill()
    renewed = (server.record.renewed_at - EPOCH).total_seconds() if server.record and server.record.renewed_at else 0.0
    took = await waiting.elected()
    assert renewed + TIMING.duration <= took <= renewed + TIMING.duration + LONGEST_RETRY + 0.02
    assert took <= 12.3 + TIMING.duration + LONGEST_RETRY
    assert server.record is not None
    assert (server.record.holder, server.record.transitions) == ("b", 1)
    await waiting.kill()


@pytest.mark.parametrize("seed", range(10))
async def test_a_lease_given_back_is_taken_at_the_next_look(seed: int) -> None:
    server, leader, waiting = await pair(random=lambda: Random(seed))
    await asyncio.sleep(12.3)
    await leader.stop()
    assert server.record is not None
    assert (server.record.holder, server.record.duration, server.record.transitions) == ("", 1, 0)
    assert await waiting.elected() <= 12.3 + LONGEST_RETRY
    assert server.record.transitions == 1
    await waiting.kill()


async def test_a_new_process_takes_a_lease_that_was_given_back_at_once() -> None:
    server, leader, waiting = await pair()
    await waiting.kill()
    await leader.stop()
    started = now()
    late = Replica(server, "c", random=NoJitter())
    late.start()
    assert await late.elected() == started
    await late.kill()


async def test_one_who_waits_gives_nothing_back() -> None:
    server, leader, waiting = await pair()
    await waiting.stop()
    assert server.record is not None
    assert server.record.holder == "a"
    await leader.kill()


@pytest.mark.parametrize("hours", [-30, -3, 3, 30])
async def test_a_clock_that_is_wrong_by_hours_changes_nothing(hours: int) -> None:
    server = LeaseServer()
    wrong = timedelta(hours=hours)
    leader = Replica(server, "a", random=NoJitter(), clock_error=wrong)
    waiting = Replica(server, "b", random=NoJitter())
    leader.start()
    await leader.elected()
    waiting.start()
    await asyncio.sleep(300)
    assert waiting.notes.words == ["following a"]
    await leader.kill()
    assert 300 + 25 <= await waiting.elected() <= 300 + TIMING.duration + LONGEST_RETRY
    await waiting.kill()


@pytest.mark.parametrize("fault", ["refuse", "lose answer", "hang", "land late"])
@pytest.mark.parametrize("seconds", [3.0, 18.0])
async def test_a_fault_shorter_than_the_lease_costs_no_leadership(fault: Fault, seconds: float) -> None:
    _, leader, waiting = await pair()
    await asyncio.sleep(7)
    leader.door.fault = fault
    await asyncio.sleep(seconds)
    leader.door.fault = None
    await asyncio.sleep(60)
    assert leader.elector.fence.valid_for(LONGEST_CALL)
    assert leader.elector.problem is None
    assert waiting.notes.words == ["following a"]
    await leader.door.close()
    await leader.kill()
    await waiting.kill()


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_a_leader_cut_off_ends_before_another_begins(fault: Fault) -> None:
    _, leader, waiting = await pair()
    await asyncio.sleep(7)
    leader.door.fault = fault
    await leader.ended()
    assert leader.notes.words[0] == "leading"
    assert leader.notes.words[-1] == "lost"
    # Renewed last at 5.0; a margin before 35.0 it stops.
    assert now() == pytest.approx(5 + TIMING.duration - TIMING.margin)
    assert not leader.elector.fence.valid_for(0)
    assert "leading" not in waiting.notes.words
    assert 35 <= await waiting.elected() <= 35 + LONGEST_RETRY
    await waiting.kill()


async def test_a_leader_whose_answers_get_lost_stops_though_its_lease_goes_on() -> None:
    server, leader, waiting = await pair()
    leader.door.fault = "lose answer"
    await leader.ended()
    assert now() == pytest.approx(TIMING.duration - TIMING.margin)
    assert server.record is not None
    assert server.record.holder == "a"
    leader.door.fault = None
    await leader.elector.release()  # its process is the only one that may
    await waiting.elected()
    await waiting.kill()


async def test_a_failure_is_told_once_and_so_is_its_end() -> None:
    _, leader, waiting = await pair()
    leader.door.fault = "refuse"
    await asyncio.sleep(20)
    assert leader.elector.problem == "refused"
    leader.door.fault = None
    await asyncio.sleep(20)
    assert leader.notes.words == ["leading", "failing: refused", "recovered"]
    await leader.kill()
    await waiting.kill()


async def test_one_who_cannot_reach_the_lease_keeps_trying_and_leads_when_it_can() -> None:
    replica = Replica(LeaseServer(), "a", random=NoJitter())
    replica.door.fault = "refuse"
    replica.start()
    await asyncio.sleep(1000)
    assert replica.notes.words == ["failing: refused"]
    assert not replica.elector.fence.valid_for(0)
    replica.door.fault = None
    assert await replica.elected() <= 1000 + LONGEST_RETRY
    await replica.kill()


async def test_a_deleted_lease_is_made_again_by_its_holder_and_by_nobody_else() -> None:
    server, leader, waiting = await pair()
    await asyncio.sleep(6)
    server.delete()
    await asyncio.sleep(100)
    assert server.record is not None
    assert server.record.holder == "a"
    assert leader.elector.is_leading
    assert waiting.notes.words == ["following a"]
    await leader.kill()
    await waiting.kill()


async def test_a_deleted_lease_of_a_dead_leader_is_taken_when_its_holder_must_have_stopped() -> None:
    server, leader, waiting = await pair()
    await asyncio.sleep(6)
    await leader.kill()
    server.delete()
    assert 36 <= await waiting.elected() <= 36 + 2 * LONGEST_RETRY
    await waiting.kill()


async def test_a_leader_that_finds_another_in_its_place_stops_at_once() -> None:
    server, leader, waiting = await pair()
    await waiting.kill()
    server.delete()
    usurper = Replica(server, "c", random=NoJitter())
    usurper.start()  # it never saw the former lease
    await leader.ended()
    assert now() <= TIMING.interval
    assert leader.notes.words[-1] == "lost"
    await usurper.kill()


async def test_the_holder_s_own_duration_counts_not_that_of_who_waits() -> None:
    server = LeaseServer()
    leader = Replica(server, "a", random=NoJitter(), timing=Timing(120, 20.0))
    waiting = Replica(server, "b", random=NoJitter())
    leader.start()
    await leader.elected()
    waiting.start()
    await waiting.notes.heard("following a")
    await leader.kill()
    assert 120 <= await waiting.elected() <= 120 + LONGEST_RETRY
    await waiting.kill()


async def test_of_many_who_start_together_one_leads() -> None:
    server = LeaseServer()
    replicas = [Replica(server, name, random=Random(name), latency=0.02) for name in "abcde"]
    for replica in replicas:
        replica.start()
    await asyncio.sleep(10)
    assert [replica.elector.is_leading for replica in replicas].count(True) == 1
    assert all(replica.elector.problem is None for replica in replicas)
    for replica in replicas:
        await replica.kill()


async def test_giving_back_does_not_wait_for_a_server_that_hangs() -> None:
    _, leader, waiting = await pair()
    leader.door.fault = "hang"
    started = now()
    await leader.stop()
    assert now() - started == 3.0
    assert not leader.elector.fence.valid_for(0)
    await waiting.kill()


async def test_giving_back_survives_a_write_in_between() -> None:
    server, leader, waiting = await pair()

    class Meddler(Door):
        async def read(self) -> Lease | None:
            found = await super().read()
            if found is not None and len(self.calls) == 1:
                server.replace(found, found.record)
            return found

    leader.elector._store = Meddler(server)
    await leader.stop()
    assert server.record is not None
    assert server.record.holder == ""
    await waiting.kill()
