"""The work queue's rules against a model of them: one line of waiting keys, searched instead of indexed."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleetdns.runtime.schedule import Item, Schedule

KEYS = st.sampled_from("abcd")
PRIORITIES = st.sampled_from([-100, 0, 10])


@dataclass
class Waiting:
    key: str
    priority: int
    since: float


@dataclass
class Model:
    """The same rules, stated in the slowest way."""

    fair_every: int
    line: list[Waiting] = field(default_factory=list)  # ready, in the order in which they joined their class
    again: dict[str, Waiting] = field(default_factory=dict)  # added while they run
    running: dict[str, float] = field(default_factory=dict)
    later: list[tuple[float, str, int]] = field(default_factory=list)  # when, key, priority; in the order asked for
    takes: int = 0
    closed: bool = False

    def wanted(self, key: str) -> Waiting | None:
        return next((waiting for waiting in self.line if waiting.key == key), self.again.get(key))

    def add(self, key: str, priority: int, now: float) -> bool:
        if self.closed:
            return False
        priority = max([priority, *(asked for _, later, asked in self.later if later == key)])
        self.later = [entry for entry in self.later if entry[1] != key]
        waiting = self.wanted(key)
        if waiting is None:
            waiting = Waiting(key, priority, now)
            if key in self.running:
                self.again[key] = waiting
            else:
                self.line.append(waiting)
            return True
        if priority > waiting.priority:
            waiting.priority = priority
            if waiting in self.line:
                self.line.remove(waiting)
                self.line.append(waiting)
        return False

    def add_later(self, key: str, at: float, priority: int, now: float) -> None:
        if self.closed:
            return
        if self.wanted(key):
            self.add(key, priority, now)
            return
        known = next((entry for entry in self.later if entry[1] == key), None)
        if known is None:
            self.later.append((at, key, priority))
        elif at < known[0]:
            self.later.remove(known)
            self.later.append((at, key, max(priority, known[2])))
        else:
            self.later[self.later.index(known)] = (known[0], key, max(priority, known[2]))

    def promote(self, now: float) -> int:
        due = sorted((entry for entry in self.later if entry[0] <= now), key=lambda entry: entry[0])
        for _, key, priority in due:
            self.add(key, priority, now)
        return len(due)

    def take(self, now: float) -> Waiting | None:
        if not self.line:
            return None
        self.takes += 1
        top = max(waiting.priority for waiting in self.line)
        is_fair = self.takes % self.fair_every == 0
        chosen = self.line[0] if is_fair else next(w for w in self.line if w.priority == top)
        self.line.remove(chosen)
        self.running[chosen.key] = now
        return chosen

    def done(self, key: str) -> float:
        if key in self.again:
            self.line.append(self.again.pop(key))
        return self.running.pop(key)


class ScheduleFollowsItsModel(RuleBasedStateMachine):
    @initialize(fair_every=st.integers(1, 5))
    def start(self, fair_every: int) -> None:
        self.now = 0.0
        self.schedule: Schedule[str] = Schedule(fair_every=fair_every)
        self.model = Model(fair_every)

    @rule(key=KEYS, priority=PRIORITIES)
    def add(self, key: str, priority: int) -> None:
        assert self.schedule.add(key, priority=priority, now=self.now) == self.model.add(key, priority, self.now)

    @rule(key=KEYS, delay=st.integers(1, 4), priority=PRIORITIES)
    def add_later(self, key: str, delay: int, priority: int) -> None:
        self.schedule.add_later(key, ready_at=self.now + delay, priority=priority)
        self.model.add_later(key, self.now + delay, priority, self.now)

    @rule(seconds=st.integers(1, 6))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds
        assert self.schedule.promote(self.now) == self.model.promote(self.now)

    @rule()
    def take(self) -> None:
        taken, expected = self.schedule.take(self.now), self.model.take(self.now)
        assert taken == (expected and Item(expected.key, expected.priority, expected.since))

    @precondition(lambda self: self.model.running)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.running)))
        assert self.schedule.done(key) == self.model.done(key)

    @precondition(lambda self: self.model.takes > 6)
    @rule()
    def close(self) -> None:
        self.schedule.close()
        self.model.closed = True
        self.model.later.clear()

    @invariant()
    def the_sizes_agree(self) -> None:
        assert len(self.schedule) == len(self.model.line)
        assert self.schedule.delayed == len(self.model.later)
        assert sorted(self.schedule.started_at) == sorted(self.model.running.values())
        assert sum(self.schedule.wanted.values()) == len(self.model.line) + len(self.model.again)

    @invariant()
    def the_next_due_is_the_earliest(self) -> None:
        assert self.schedule.next_due() == min((at for at, _, _ in self.model.later), default=None)

    @invariant()
    def no_key_waits_in_two_places(self) -> None:
        line = [waiting.key for waiting in self.model.line]
        assert len(line) == len(set(line))
        assert not set(line) & set(self.model.running)
        assert not {key for _, key, _ in self.model.later} & {*line, *self.model.again}


TestScheduleFollowsItsModel = ScheduleFollowsItsModel.TestCase
TestScheduleFollowsItsModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_low_priorities_get_their_share_while_the_high_class_never_runs_empty() -> None:
    schedule: Schedule[str] = Schedule(fair_every=8)
    for number in range(3):
        schedule.add(f"low {number}", priority=-100, now=0)
    taken = []
    for number in range(24):
        schedule.add(f"high {number}", priority=0, now=number)
        schedule.add(f"more {number}", priority=0, now=number)
        item = schedule.take(number)
        assert item is not None
        schedule.done(item.key)
        taken.append(item.key)
    assert [key for key in taken if key.startswith("low")] == ["low 0", "low 1", "low 2"]
    assert taken.index("low 0") == 7


def test_delays_that_are_overtaken_again_and_again_do_not_pile_up() -> None:
    schedule: Schedule[str] = Schedule(fair_every=8)
    for number in range(10_000):
        schedule.add_later("a", ready_at=number + 60, priority=0)
        schedule.add("a", priority=0, now=number)
        schedule.take(number)
        schedule.done("a")
    assert len(schedule._timers) < 200
