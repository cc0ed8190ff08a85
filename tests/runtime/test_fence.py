"""The fence: a write starts only while the lease outlives it."""

from fleetdns.runtime.fence import Fence


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nothing_may_start_before_a_lease_is_held() -> None:
    assert not Fence(Clock(), margin=1.5).valid_for(0)


def test_a_write_may_start_while_the_lease_and_the_margin_outlive_it() -> None:
    clock = Clock()
    fence = Fence(clock, margin=1.5)
    fence.extend(1030.0)
    clock.now = 1008.5
    assert fence.valid_for(20)
    clock.now = 1008.6
    assert not fence.valid_for(20)
    assert fence.valid_for(10)
    clock.now = 1028.6
    assert not fence.valid_for(0)


def test_a_process_that_slept_is_refused_before_anything_else_happens() -> None:
    clock = Clock()
    fence = Fence(clock, margin=1.5)
    fence.extend(1030.0)
    clock.now += 3600
    assert not fence.valid_for(0)


def test_an_answer_that_comes_late_takes_nothing_back() -> None:
    fence = Fence(Clock(), margin=0)
    fence.extend(1030.0)
    fence.extend(1010.0)
    assert fence.left == 30


def test_a_closed_fence_stays_closed() -> None:
    fence = Fence(Clock(), margin=0)
    fence.extend(1030.0)
    fence.close()
    fence.extend(1060.0)
    assert not fence.valid_for(0)


def test_who_is_going_to_stop_starts_only_what_ends_in_time() -> None:
    clock = Clock()
    fence = Fence(clock, margin=0)
    fence.extend(1030.0)
    fence.end_by(1025.0)
    clock.now += 10
    assert fence.valid_for(15)
    assert not fence.valid_for(16)
    fence.extend(1060.0)
    assert not fence.valid_for(16)
    assert fence.left == 50
