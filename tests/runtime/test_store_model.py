"""The cache between a server and our own writes: whatever comes late, twice or not at all, it tells the truth."""

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fleetdns.runtime.events import Applied, Deleted, Replaced, Unknown
from fleetdns.runtime.listwatch import Entry
from fleetdns.runtime.store import Change, Store

KEYS = st.sampled_from("abc")


@dataclass(frozen=True)
class Value:
    """Which state of which object this is, so that a reported change names both."""

    key: str
    version: int
    colour: int


@dataclass(frozen=True)
class State:
    """One object at one version. kind: ADDED, MODIFIED or DELETED; is_ours: the change was our own write."""

    key: str
    uid: str
    version: int
    kind: str
    is_readable: bool
    is_ours: bool = False

    @property
    def value(self) -> Value:
        return Value(self.key, self.version, self.version % 3)

    @property
    def entry(self) -> Entry[str, Value]:
        return Entry(self.key, self.uid, str(self.version), self.value)

    @property
    def unknown(self) -> Unknown[str]:
        return Unknown(self.key, self.uid, str(self.version), "unreadable")


@dataclass
class Server:
    history: list[State] = field(default_factory=list)

    @property
    def version(self) -> int:
        return len(self.history) + 1

    def at(self, version: int) -> dict[str, State]:
        objects: dict[str, State] = {}
        for state in self.history:
            if state.version <= version:
                objects[state.key] = state
        return {key: state for key, state in objects.items() if state.kind != "DELETED"}

    def write(self, key: str, kind: str, *, is_readable: bool = True, is_ours: bool = False) -> State:
        version = self.version + 1
        held = self.at(version).get(key)
        uid = held.uid if held else f"{key}-{version}"
        self.history.append(State(key, uid, version, kind, is_readable, is_ours))
        return self.history[-1]


class StoreFollowsTheServer(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.server = Server()
        self.store: Store[str, Value] = Store({"colour": lambda value: [value.colour]})
        self.heard = 1  # everything up to this version has been delivered
        self.answers: list[State] = []  # to our own writes, under way to us
        self.ours: dict[str, State] = {}  # our own writes that readers must see because the watch has not got there
        self.store.apply(Replaced([], [], "1"))

    # The server changes

    @rule(key=KEYS, is_readable=st.sampled_from([True, True, True, False]))
    def somebody_writes(self, key: str, is_readable: bool) -> None:
        exists = key in self.server.at(self.server.version)
        self.server.write(key, "MODIFIED" if exists else "ADDED", is_readable=is_readable)

    @rule(key=KEYS)
    def somebody_deletes(self, key: str) -> None:
        if key in self.server.at(self.server.version):
            self.server.write(key, "DELETED")

    @rule(key=KEYS)
    def we_write(self, key: str) -> None:
        if key in self.server.at(self.server.version):
            self.answers.append(self.server.write(key, "MODIFIED", is_ours=True))

    # We learn of it

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def the_answer_to_our_write_arrives(self, data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from(self.answers))
        self.answers.remove(answer)
        seen = self.expected().get(answer.key)
        is_taken = bool(seen and seen.is_readable and seen.uid == answer.uid and seen.version < answer.version)
        assert self.store.written(answer.entry) == is_taken
        if is_taken:
            self.ours[answer.key] = answer

    @precondition(lambda self: self.heard < self.server.version)
    @rule()
    def an_event_arrives(self) -> None:
        state = self.server.history[self.heard - 1]
        before = self.expected()
        self.hear(state.version)
        changes = self.deliver(state)
        if state.is_ours and before.get(state.key) == state:
            assert changes == [], "our own write comes round"
        else:
            assert changes or not state.is_readable or state.kind == "DELETED"
        self.check_reported(state, changes)

    @precondition(lambda self: self.heard > 1)
    @rule(data=st.data())
    def an_old_event_arrives_again(self, data: st.DataObject) -> None:
        state = data.draw(st.sampled_from(self.server.history[: self.heard - 1]))
        seen = self.expected().get(state.key)
        if state.kind != "DELETED" and seen and seen.uid == state.uid:
            assert self.deliver(state) == []

    @rule(data=st.data())
    def the_whole_list_arrives(self, data: st.DataObject) -> None:
        version = data.draw(st.integers(self.heard, self.server.version))
        former, listed = self.server.at(self.heard), self.server.at(version)
        unreported = [state for state in self.server.history if self.heard < state.version <= version]
        self.hear(version)
        changes = self.store.apply(
            Replaced(
                [state.entry for state in listed.values() if state.is_readable],
                [state.unknown for state in listed.values() if not state.is_readable],
                str(version),
            )
        )
        for key in {state.key for state in unreported if not state.is_ours}:
            if former.get(key) != listed.get(key) and any(
                state and state.is_readable for state in (former.get(key), listed.get(key))
            ):
                assert key in keys_of(changes), "no change by others goes unreported"

    def deliver(self, state: State) -> list[Change[Value]]:
        if state.kind == "DELETED":
            return self.store.apply(Deleted(state.entry))
        return self.store.apply(Applied(state.entry) if state.is_readable else state.unknown)

    def hear(self, version: int) -> None:
        self.heard = version
        at = self.server.at(version)
        self.ours = {
            key: ours
            for key, ours in self.ours.items()
            if ours.version > version and key in at and at[key].uid == ours.uid
        }

    def check_reported(self, state: State, changes: list[Change[Value]]) -> None:
        assert keys_of(changes) <= {state.key}
        if changes and state.kind != "DELETED" and state.is_readable:
            assert changes[-1].new == state.value

    def expected(self) -> dict[str, State]:
        """What is true for a reader: the server as far as heard, except where our own write is ahead."""
        return {**self.server.at(self.heard), **self.ours}

    @invariant()
    def readers_see_the_server_as_far_as_heard_and_our_own_writes(self) -> None:
        readable = {key: state.value for key, state in self.expected().items() if state.is_readable}
        assert dict(self.store.items()) == readable

    @invariant()
    def what_cannot_be_decoded_is_unknown_not_absent(self) -> None:
        assert set(self.store.unknown) == {key for key, state in self.expected().items() if not state.is_readable}

    @invariant()
    def every_index_agrees_with_a_search(self) -> None:
        for colour in range(3):
            found = tuple(value for value in self.store.values() if value.colour == colour)
            assert self.store.by_index("colour", colour) == found

    @invariant()
    def the_version_is_the_one_heard(self) -> None:
        assert self.store.resource_version == str(self.heard)


def keys_of(changes: list[Change[Value]]) -> set[str]:
    return {value.key for change in changes for value in (change.old, change.new) if value is not None}


TestStoreFollowsTheServer = StoreFollowsTheServer.TestCase
TestStoreFollowsTheServer.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
