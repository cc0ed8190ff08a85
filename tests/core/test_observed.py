"""What is known of Azure: the newest start wins, and our own writes are never forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fleetdns.core.naming import PROFILE_TAG
from fleetdns.core.observed import GET, LIST, WRITE, ObservedProfiles
from fleetdns.core.trafficmanager import Profile, ProfileRef
from tests.core.builders import SUBSCRIPTION, make_desired

BASE = make_desired().profile
REF = BASE.ref


def version(ttl: int, *, ref: ProfileRef = REF, tag: str | None = "work/myatm") -> Profile:
    return replace(BASE, ref=ref, ttl=ttl, tags=((PROFILE_TAG, tag),) if tag else ())


OLD, NEW = version(1), version(2)


@pytest.mark.parametrize(
    ("steps", "known"),
    [
        pytest.param([("read", OLD, 1.0)], OLD, id="a first read is kept"),
        pytest.param([("read", OLD, 1.0), ("read", NEW, 2.0)], NEW, id="a later read is newer"),
        pytest.param(
            [("read", NEW, 2.0), ("read", OLD, 1.0)], NEW, id="a read that began earlier and came later is not"
        ),
        pytest.param([("read", OLD, 1.0), ("read", NEW, 1.0)], NEW, id="of two that began at once the last one"),
        pytest.param([("read", OLD, 1.0), ("wrote", NEW, 2.0)], NEW, id="the answer to our own write is kept"),
        pytest.param(
            [("wrote", NEW, 2.0), ("read", OLD, 1.9)], NEW, id="a read that began before a write ended is not"
        ),
        pytest.param([("wrote", OLD, 2.0), ("read", NEW, 2.0)], NEW, id="a read that began when the write ended is"),
        pytest.param([("read", OLD, 5.0), ("wrote", NEW, 4.0)], NEW, id="a write is kept whatever was read"),
        pytest.param([("read", OLD, 1.0), ("read", None, 2.0)], None, id="a profile that is gone"),
        pytest.param([("wrote", NEW, 2.0), ("read", None, 1.0)], NEW, id="an old absence says nothing"),
        pytest.param([("wrote", None, 2.0), ("read", OLD, 1.0)], None, id="an old presence after our deletion neither"),
    ],
)
def test_ordering(steps: list[tuple[str, Profile | None, float]], known: Profile | None) -> None:
    observed = ObservedProfiles()
    for kind, profile, at in steps:
        if kind == "read":
            observed.read(REF, profile, source=GET, started=at)
        else:
            observed.wrote(REF, profile, ended=at)
    observation = observed.get(REF)
    assert observation is not None
    assert observation.profile == known


def test_after_a_write_of_unknown_outcome_nothing_is_known_until_a_new_read() -> None:
    observed = ObservedProfiles()
    observed.read(REF, OLD, source=GET, started=1.0)
    observed.lost(REF, ended=3.0)
    assert observed.get(REF) is None
    assert not observed.read(REF, OLD, source=LIST, started=2.0)
    assert observed.get(REF) is None
    assert observed.read(REF, NEW, source=GET, started=3.5)
    observation = observed.get(REF)
    assert observation is not None
    assert (observation.profile, observation.source, observation.started) == (NEW, GET, 3.5)


def test_a_profile_whose_first_write_was_lost_may_be_that_of_the_object_it_is_made_for_and_of_no_other() -> None:
    observed = ObservedProfiles()
    observed.lost(REF, tag="work/a", ended=1.0)
    assert observed.is_unsure(REF)
    assert (observed.unsure("work/a"), observed.unsure("work/b")) == ((REF,), ())


def test_a_profile_whose_tag_was_being_changed_may_have_either_until_somebody_reads_it() -> None:
    observed = ObservedProfiles()
    observed.read(REF, version(1, tag="work/a"), source=GET, started=1.0)
    observed.lost(REF, tag="work/b", ended=2.0)
    observed.lost(REF, ended=3.0)
    assert [observed.unsure(f"work/{name}") for name in "abc"] == [(REF,), (REF,), ()]
    observed.read(REF, version(1, tag="work/b"), source=GET, started=4.0)
    assert [observed.unsure(f"work/{name}") for name in "abc"] == [(), (), ()]


@pytest.mark.parametrize(
    ("first", "second", "changed"),
    [
        pytest.param(OLD, OLD, False, id="the same again"),
        pytest.param(OLD, NEW, True, id="something else"),
        pytest.param(OLD, None, True, id="gone"),
        pytest.param(None, None, False, id="still not there"),
    ],
)
def test_a_read_says_whether_it_changed_what_is_known(
    first: Profile | None, second: Profile | None, changed: bool
) -> None:
    observed = ObservedProfiles()
    assert observed.read(REF, first, source=GET, started=1.0)
    assert observed.read(REF, second, source=GET, started=2.0) is changed


def test_a_list_tells_what_changed_and_what_is_missing() -> None:
    same, other, gone = (replace(REF, name=name) for name in ("fleet-a", "fleet-b", "fleet-c"))
    observed = ObservedProfiles()
    observed.listed([version(1, ref=same), version(1, ref=other), version(1, ref=gone)], expected=[], started=1.0)
    assert observed.known_in("FLEET-RG", SUBSCRIPTION) == (same, other, gone)
    changed = observed.listed(
        [version(2, ref=other), version(1, ref=replace(same, name="FLEET-A"))],
        expected=observed.known_in("fleet-rg", SUBSCRIPTION),
        started=2.0,
    )
    assert [ref.name.lower() for ref in changed if ref.name != "FLEET-A"] == ["fleet-b", "fleet-c"]
    assert {ref.folded for ref in observed.known_in("fleet-rg", SUBSCRIPTION)} == {same.folded, other.folded}


def test_a_list_that_began_before_our_creation_does_not_end_it() -> None:
    observed = ObservedProfiles()
    observed.wrote(REF, NEW, ended=2.0)
    assert observed.listed([], expected=[REF], started=1.0) == ()
    observation = observed.get(REF)
    assert observation is not None
    assert (observation.profile, observation.source) == (NEW, WRITE)


def test_names_are_kept_without_case() -> None:
    observed = ObservedProfiles()
    observed.read(REF, OLD, source=GET, started=1.0)
    assert observed.get(replace(REF, name=REF.name.upper(), resource_group=REF.resource_group.upper())) is not None


def test_what_is_known_of_a_profile_is_forgotten_when_it_is_gone_unused_and_old() -> None:
    used, there, gone, recent = refs = [replace(REF, name=name) for name in ("used", "there", "gone", "recent")]
    observed = ObservedProfiles()
    observed.read(there, version(1, ref=there), source=GET, started=1.0)
    for ref in (used, gone):
        observed.read(ref, None, source=GET, started=1.0)
    observed.lost(recent, ended=6.0)
    observed.read(recent, None, source=GET, started=6.0)
    observed.prune([replace(used, name="USED")], before=5.0)
    assert [ref.name for ref in refs if observed.heard(ref) is None] == ["gone"]


REFS = [replace(REF, name=f"fleet-{n}") for n in range(3)]
PROFILES = st.one_of(st.none(), st.tuples(st.integers(1, 3), st.sampled_from(["work/a", "work/b", None])))


class AgainstAnOracle(RuleBasedStateMachine):
    """The oracle keeps every answer ever recorded, and says for each profile which one counts."""

    @initialize()
    def start(self) -> None:
        self.observed = ObservedProfiles()
        self.clock = 10.0
        self.answers: dict[str, list[tuple[float, Profile | None]]] = {ref.folded: [] for ref in REFS}
        self.barrier: dict[str, float] = {}

    def profile(self, ref: ProfileRef, drawn: tuple[int, str | None] | None) -> Profile | None:
        return None if drawn is None else version(drawn[0], ref=ref, tag=drawn[1])

    @rule(ref=st.sampled_from(REFS), drawn=PROFILES, ago=st.sampled_from([0.0, 0.5, 1.5, 4.0]))
    def read(self, ref: ProfileRef, drawn: tuple[int, str | None] | None, ago: float) -> None:
        self.clock += 1
        profile = self.profile(ref, drawn)
        before = self.truth(ref)
        self.answers[ref.folded].append((self.clock - ago, profile))
        changed = self.observed.read(ref, profile, source=GET, started=self.clock - ago)
        assert changed == (self.truth(ref) is not None and self.truth(ref) != before)

    @rule(ref=st.sampled_from(REFS), drawn=PROFILES)
    def write(self, ref: ProfileRef, drawn: tuple[int, str | None] | None) -> None:
        self.clock += 1
        profile = self.profile(ref, drawn)
        self.barrier[ref.folded] = self.clock
        self.answers[ref.folded] = [(self.clock, profile)]
        self.observed.wrote(ref, profile, ended=self.clock)

    @rule(ref=st.sampled_from(REFS))
    def lose(self, ref: ProfileRef) -> None:
        self.clock += 1
        self.barrier[ref.folded] = self.clock
        self.answers[ref.folded] = []
        self.observed.lost(ref, ended=self.clock)

    @rule(used=st.sets(st.sampled_from(REFS)))
    def prune(self, used: set[ProfileRef]) -> None:
        for ref in set(REFS) - used:
            if self.truth(ref) in (None, (None,)):
                self.barrier.pop(ref.folded, None)
                self.answers[ref.folded] = []
        self.observed.prune(used, before=self.clock + 1)

    def truth(self, ref: ProfileRef) -> tuple[Profile | None] | None:
        """The profile in a tuple; None when nothing is known. The last of the newest answers past the barrier."""
        barrier = self.barrier.get(ref.folded, float("-inf"))
        counted = [answer for answer in self.answers[ref.folded] if answer[0] >= barrier]
        if not counted:
            return None
        newest = max(started for started, _ in counted)
        return ([profile for started, profile in counted if started == newest][-1],)

    @invariant()
    def knows_what_the_oracle_knows(self) -> None:
        if not hasattr(self, "observed"):
            return
        for ref in REFS:
            observation = self.observed.get(ref)
            assert (None if observation is None else (observation.profile,)) == self.truth(ref)
        there = [known[0] for ref in REFS if (known := self.truth(ref)) is not None and known[0] is not None]
        assert set(self.observed.known_in(REF.resource_group, SUBSCRIPTION)) == {profile.ref for profile in there}
        for tag in ("work/a", "work/b"):
            assert self.observed.tagged(tag) == tuple(p for p in there if p.tag(PROFILE_TAG) == tag)


TestAgainstAnOracle = AgainstAnOracle.TestCase
TestAgainstAnOracle.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
