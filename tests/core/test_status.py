"""A profile's status: every row of the condition table, and what an outage leaves alone."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from msgspec import structs

from fleetdns.api.conditions import Condition, find
from fleetdns.api.profile import EndpointCounts, ProfileStatus, TrafficManagerProfile
from fleetdns.core.changes import Change, diff
from fleetdns.core.contest import Contest, Dispute, Field
from fleetdns.core.health import health
from fleetdns.core.naming import EndpointName
from fleetdns.core.outcome import Failure, Outcome, failure_of
from fleetdns.core.policy import CONTESTED, Held
from fleetdns.core.status import (
    deletion_waits_status,
    profile_status,
    status_patch,
    unidentified_status,
)
from fleetdns.core.trafficmanager import Endpoint, Profile
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, NameTaken, Rejected, Throttled, Transient
from tests.core.builders import (
    LATER,
    NOW,
    endpoint_name,
    make_aggregate,
    make_desired,
    make_export,
    make_foreign_endpoint,
    make_identity,
    make_profile,
    uid_of,
)

DESIRED = make_desired(make_aggregate(exports=[make_export("a"), make_export("b")]))
ONLINE = tuple(
    structs.replace(e, monitor_status="Online", priority=n) for n, e in enumerate(DESIRED.profile.endpoints, 1)
)
AZURE = replace(DESIRED.profile, endpoints=ONLINE, fqdn="myatm.trafficmanager.net")
PENDING = Failure("pending", "ServiceUnavailable", "try again")
REFUSED = Failure("refused", "AuthorizationFailed", "no right to write")
TAKEN = Failure("name-taken", "Conflict", "the name is in use")
SETTING: tuple[Change, ...] = diff(DESIRED.profile, replace(AZURE, ttl=1))
ENDPOINT: tuple[Change, ...] = diff(DESIRED.profile, AZURE.without_endpoint(endpoint_name("a")))
FOREIGN_CONDITION = Condition("example.com/Audited", "True", "Seen", "by somebody", 1, "2020-01-01T00:00:00Z")


def outcome(
    observed: Profile | None = AZURE,
    *,
    is_observed: bool = True,
    waiting: tuple[Change, ...] = (),
    held: tuple[Held, ...] = (),
    failure: Failure | None = None,
    is_stale: bool = False,
    is_paused: bool = False,
) -> Outcome:
    return Outcome(
        identity=make_identity(),
        desired=DESIRED,
        observed=observed,
        is_observed=is_observed,
        waiting=waiting,
        held=held,
        failure=failure,
        is_stale=is_stale,
        is_paused=is_paused,
    )


def programmed_before(*, generation: int = 1, spec_generation: int = 1) -> TrafficManagerProfile:
    profile = make_profile(generation=generation)
    status = profile_status(profile, outcome(), now=NOW)
    return make_profile(generation=spec_generation, status=status)


def fact(status: ProfileStatus, kind: str) -> tuple[str, str] | None:
    condition = find(status.conditions, kind)
    return (condition.status, condition.reason) if condition else None


NEW = make_profile()
BEFORE = programmed_before()
EDITED = programmed_before(spec_generation=2)


@pytest.mark.parametrize(
    ("profile", "reached", "fact_told"),
    [
        pytest.param(NEW, outcome(), ("True", "Programmed"), id="Azure holds what spec asks for"),
        pytest.param(
            NEW, outcome(waiting=ENDPOINT), ("True", "Programmed"), id="an endpoint that waits is the backend's"
        ),
        pytest.param(
            NEW, outcome(waiting=SETTING, failure=REFUSED), ("False", "Invalid"), id="Azure refuses a setting"
        ),
        pytest.param(
            NEW,
            outcome(None, waiting=diff(DESIRED.profile, None), failure=REFUSED),
            ("False", "Invalid"),
            id="Azure refuses the profile",
        ),
        pytest.param(NEW, outcome(None, failure=TAKEN), ("False", "DNSNameNotAvailable"), id="the DNS name is taken"),
        pytest.param(NEW, outcome(waiting=SETTING, failure=PENDING), ("Unknown", "Pending"), id="a change waits"),
        pytest.param(NEW, outcome(waiting=SETTING), ("Unknown", "Pending"), id="a change waits for no told reason"),
        pytest.param(
            NEW,
            outcome(held=(Held(SETTING[0], "Paused", "x"),), is_paused=True),
            ("Unknown", "Pending"),
            id="a setting waits because of the pause",
        ),
        pytest.param(
            BEFORE,
            outcome(failure=PENDING),
            ("True", "Programmed"),
            id="an error while no change waits changes nothing",
        ),
        pytest.param(
            BEFORE, outcome(failure=PENDING, is_stale=True), ("Unknown", "Pending"), id="nothing heard for three sweeps"
        ),
        pytest.param(
            BEFORE,
            outcome(None, is_observed=False, failure=PENDING),
            ("True", "Programmed"),
            id="after a restart during an outage status stands",
        ),
        pytest.param(
            BEFORE,
            outcome(None, is_observed=False, failure=REFUSED),
            ("True", "Programmed"),
            id="so it does when reading is refused",
        ),
        pytest.param(
            BEFORE,
            outcome(None, is_observed=False, failure=PENDING, is_stale=True),
            ("Unknown", "Pending"),
            id="until three sweeps have failed",
        ),
        pytest.param(
            EDITED,
            outcome(None, is_observed=False, failure=PENDING),
            ("Unknown", "Pending"),
            id="spec was edited and Azure is not heard of",
        ),
        pytest.param(
            EDITED,
            outcome(None, is_observed=False, failure=REFUSED),
            ("False", "Invalid"),
            id="spec was edited and reading is refused",
        ),
        pytest.param(
            NEW,
            outcome(None, is_observed=False, failure=PENDING),
            ("Unknown", "Pending"),
            id="a new object and Azure is not heard of",
        ),
    ],
)
def test_programmed_and_ready(profile: TrafficManagerProfile, reached: Outcome, fact_told: tuple[str, str]) -> None:
    status = profile_status(profile, reached, now=LATER)
    assert fact(status, "Programmed") == fact(status, "Ready") == fact_told


def test_a_profile_without_a_place_is_invalid_and_keeps_what_it_had() -> None:
    status = unidentified_status(BEFORE, "no resource group", now=LATER)
    assert fact(status, "Programmed") == fact(status, "Ready") == ("False", "Invalid")
    assert fact(status, "Healthy") == ("True", "AllEndpointsOnline")
    kept = ("dns_name", "resource_id", "monitor_status", "endpoints")
    assert [getattr(status, name) for name in kept] == [getattr(BEFORE.status, name) for name in kept]
    assert fact(unidentified_status(NEW, "no resource group", now=NOW), "Healthy") == ("False", "NoEndpoints")


def test_a_deletion_that_waits_says_so_and_keeps_what_is_known() -> None:
    status = deletion_waits_status(BEFORE, "ServiceUnavailable: try again", now=LATER)
    assert fact(status, "Programmed") == ("Unknown", "Pending")
    assert fact(status, "Healthy") == ("True", "AllEndpointsOnline")
    assert status.dns_name == BEFORE.status.dns_name


UID = uid_of("a backend that is gone")
FIELDS = (Field("", "dnsConfig.ttl"), *(Field(f"fleet-{number:02}", "weight") for number in range(30)))


def contest(*fields: Field, told_until: float | None = None) -> Contest:
    return Contest({each: Dispute((0.0,), 0.0, is_contested=True) for each in fields}, told_until)


def drifting(profile: TrafficManagerProfile, found: Contest) -> Condition | None:
    return find(profile_status(profile, replace(outcome(), contest=found), now=LATER).conditions, "Drifting")


def test_what_somebody_keeps_changing_is_named_in_order_with_what_to_do() -> None:
    condition = drifting(NEW, contest(*reversed(FIELDS[:3])))
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", "ChangedElsewhere")
    named = "dnsConfig.ttl of the profile, weight of endpoint fleet-00, weight of endpoint fleet-01. "
    assert named in condition.message
    assert "kubectl annotate tmp myatm -n work fleetdns.io/paused=true" in condition.message
    assert condition == drifting(NEW, contest(*FIELDS[:3]))


def test_of_much_that_somebody_keeps_changing_a_few_are_named() -> None:
    condition = drifting(NEW, contest(*FIELDS))
    assert condition is not None
    assert "weight of endpoint fleet-08 and 21 more. " in condition.message
    assert len(condition.message) < 1024


def test_a_contest_that_is_over_is_not_told_and_one_before_a_restart_until_it_is_known_again() -> None:
    told = drifting(NEW, contest(*FIELDS[:3]))
    assert told is not None
    before = make_profile(status=ProfileStatus(conditions=(told,)))
    assert drifting(before, contest()) is None
    assert drifting(before, contest(told_until=600.0)) == told
    assert drifting(NEW, contest(told_until=600.0)) is None


def abandoned(profile: TrafficManagerProfile, *owners: EndpointName, is_observed: bool = True) -> Condition | None:
    reached = replace(outcome(is_observed=is_observed), abandoned=owners)
    return find(profile_status(profile, reached, now=LATER).conditions, "Guarded")


def test_endpoints_whose_backend_is_gone_are_named_with_what_to_do_until_azure_holds_them_no_more() -> None:
    condition = abandoned(NEW, EndpointName(UID, "app", "a"), EndpointName(UID, "blog", "b"))
    assert condition is not None
    assert (condition.status, condition.reason) == ("True", "RemovalHeld")
    assert "app in a, blog in b; " in condition.message
    assert "kubectl annotate tmp myatm -n work fleetdns.io/allow-empty=true" in condition.message
    before = make_profile(status=ProfileStatus(conditions=(condition,)))
    assert abandoned(before, is_observed=False) == condition
    assert find(unidentified_status(before, "no resource group", now=LATER).conditions, "Guarded") == condition
    assert abandoned(before) is None


def test_of_many_endpoints_whose_backend_is_gone_a_few_are_named() -> None:
    condition = abandoned(NEW, *(EndpointName(UID, "app", f"aks-{number:03}") for number in range(200)))
    assert condition is not None
    assert "app in aks-009 and 190 more; " in condition.message
    assert len(condition.message) < 1024


def test_a_setting_that_is_put_back_later_is_not_called_programmed() -> None:
    held = (Held(SETTING[0], CONTESTED, "somebody else keeps changing it"),)
    status = profile_status(BEFORE, outcome(held=held), now=LATER)
    assert fact(status, "Programmed") == fact(status, "Ready") == ("Unknown", "Pending")
    condition = find(status.conditions, "Programmed")
    assert condition is not None
    assert condition.message.endswith(": somebody else keeps changing it")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        pytest.param(Failure("pending", "ServiceUnavailable", "Try again."), ("Unknown", "Pending"), id="may pass"),
        pytest.param(
            Failure("refused", "ScopeLocked", "It is locked."), ("False", "Invalid"), id="somebody has to act"
        ),
    ],
)
def test_a_deletion_that_azure_refuses_is_invalid_and_one_that_fails_is_pending(
    failure: Failure, told: tuple[str, str]
) -> None:
    status = deletion_waits_status(BEFORE, str(failure), failure=failure, now=LATER)
    assert fact(status, "Programmed") == fact(status, "Ready") == told


def endpoints(*states: str | None, disabled: int = 0) -> tuple[Endpoint, ...]:
    made = [Endpoint(endpoint_name(f"m{n}"), weight=1, monitor_status=state) for n, state in enumerate(states)]
    return (*made, *(Endpoint(endpoint_name(f"d{n}"), status="disabled", weight=1) for n in range(disabled)))


@pytest.mark.parametrize(
    ("states", "disabled", "told"),
    [
        pytest.param(["Online"], 0, ("True", "AllEndpointsOnline"), id="all online"),
        pytest.param(["Online", "Unmonitored"], 0, ("True", "AllEndpointsOnline"), id="one is never probed"),
        pytest.param(["Online"], 1, ("True", "AllEndpointsOnline"), id="a disabled one does not count"),
        pytest.param(["Online", "Degraded"], 0, ("False", "EndpointsDegraded"), id="one degraded"),
        pytest.param(["Online", "Stopped"], 0, ("False", "EndpointsDegraded"), id="one stopped"),
        pytest.param(
            ["CheckingEndpoint", "Degraded"], 0, ("False", "EndpointsDegraded"), id="degraded goes before checking"
        ),
        pytest.param(["Online", "CheckingEndpoint"], 0, ("Unknown", "CheckingEndpoints"), id="one being checked"),
        pytest.param(["Online", None], 0, ("Unknown", "CheckingEndpoints"), id="one not told yet"),
        pytest.param([], 0, ("False", "NoEndpoints"), id="no endpoint"),
        pytest.param([], 2, ("False", "NoEndpoints"), id="only disabled ones"),
    ],
)
def test_healthy(states: list[str | None], disabled: int, told: tuple[str, str]) -> None:
    condition = health(replace(AZURE, endpoints=endpoints(*states, disabled=disabled)))
    assert (condition.type, condition.status, condition.reason) == ("Healthy", *told)


def test_a_message_names_a_few_clusters_and_counts_the_others() -> None:
    message = health(replace(AZURE, endpoints=endpoints(*["Degraded"] * 200))).message
    assert message.startswith("200 of 200 endpoints fail their probes: m0, m1, ")
    assert message.endswith(" and 190 more")


@pytest.mark.parametrize(
    ("profile", "reached", "told"),
    [
        pytest.param(NEW, outcome(None), ("False", "NoEndpoints"), id="nothing is in Azure"),
        pytest.param(
            NEW,
            outcome(None, is_observed=False),
            ("Unknown", "CheckingEndpoints"),
            id="nothing was ever heard of Azure",
        ),
        pytest.param(
            BEFORE,
            outcome(None, is_observed=False),
            ("True", "AllEndpointsOnline"),
            id="an outage keeps the last health",
        ),
        pytest.param(
            NEW,
            outcome(replace(AZURE, endpoints=(make_foreign_endpoint(),))),
            ("False", "NoEndpoints"),
            id="foreign endpoints do not count",
        ),
    ],
)
def test_health_of_what_is_known(profile: TrafficManagerProfile, reached: Outcome, told: tuple[str, str]) -> None:
    assert fact(profile_status(profile, reached, now=NOW), "Healthy") == told


@pytest.mark.parametrize(
    ("status", "states", "disabled", "told"),
    [
        pytest.param("Disabled", ["Online"], 0, "Disabled", id="a disabled profile"),
        pytest.param("Enabled", ["Online", "Degraded"], 0, "Degraded", id="one degraded"),
        pytest.param("Enabled", ["Online", "CheckingEndpoint"], 0, "Online", id="one online"),
        pytest.param("Enabled", ["Unmonitored"], 0, "Online", id="never probed"),
        pytest.param("Enabled", [None], 0, "CheckingEndpoints", id="not told yet"),
        pytest.param("Enabled", ["Stopped"], 0, "Inactive", id="only stopped"),
        pytest.param("Enabled", [], 1, "Inactive", id="only disabled"),
    ],
)
def test_the_profiles_own_state(status: str, states: list[str | None], disabled: int, told: str) -> None:
    observed = replace(AZURE, status=status, endpoints=endpoints(*states, disabled=disabled))
    assert profile_status(NEW, outcome(observed), now=NOW).monitor_status == told


def test_values_come_from_azure() -> None:
    observed = replace(AZURE, endpoints=(*endpoints("Online", "Degraded", None), make_foreign_endpoint()))
    status = profile_status(make_profile(generation=4), outcome(observed), now=NOW)
    assert status.dns_name == "myatm.trafficmanager.net"
    assert status.resource_id == AZURE.ref.resource_id
    assert status.endpoints == EndpointCounts(total=3, online=1, degraded=1)
    assert status.observed_generation == 4
    assert {c.observed_generation for c in status.conditions} == {4}


def test_the_dns_name_is_known_before_azure_tells_it() -> None:
    assert profile_status(NEW, outcome(replace(AZURE, fqdn=None)), now=NOW).dns_name == "myatm.trafficmanager.net"


def test_an_outage_blanks_nothing() -> None:
    status = profile_status(BEFORE, outcome(None, is_observed=False, failure=PENDING), now=LATER)
    assert status == BEFORE.status
    assert status_patch(BEFORE.status, status) is None


def test_a_start_without_azure_tells_of_no_change_that_nobody_knows_of() -> None:
    deaf = outcome(None, is_observed=False, failure=PENDING, is_stale=True)
    first = profile_status(programmed_before(), deaf, now=NOW)
    told = find(first.conditions, "Programmed")
    assert told is not None
    assert told.message.startswith("nothing was heard from Azure for three sweeps")
    for later in (deaf, outcome(None, is_observed=False, failure=PENDING)):  # in a process that just began as well
        again = profile_status(make_profile(status=first), later, now=LATER)
        assert again.conditions == first.conditions
    changed = profile_status(make_profile(generation=2, status=first), deaf, now=LATER)
    waits = find(changed.conditions, "Programmed")
    assert waits is not None
    assert waits.message.startswith("a change waits to be written to Azure")


def test_a_profile_proven_gone_keeps_its_name_and_counts_nothing() -> None:
    status = profile_status(BEFORE, outcome(None, waiting=diff(DESIRED.profile, None), failure=PENDING), now=LATER)
    assert (status.dns_name, status.resource_id) == (BEFORE.status.dns_name, BEFORE.status.resource_id)
    assert (status.endpoints, status.monitor_status) == (EndpointCounts(), None)
    assert fact(status, "Healthy") == ("False", "NoEndpoints")


def test_paused_is_there_only_while_paused_and_counts_what_waits() -> None:
    held = (*(Held(change, "Paused", "") for change in (*SETTING, *ENDPOINT)), Held(ENDPOINT[0], "Refused", ""))
    status = profile_status(NEW, outcome(held=held, is_paused=True), now=NOW)
    paused = find(status.conditions, "Paused")
    assert paused is not None
    assert (paused.status, paused.reason) == ("True", "PausedByAnnotation")
    assert f"{len(SETTING) + len(ENDPOINT)} changes wait" in paused.message
    resumed = profile_status(make_profile(status=status), outcome(), now=LATER)
    assert find(resumed.conditions, "Paused") is None


def test_the_transition_time_moves_only_with_status() -> None:
    same = profile_status(BEFORE, outcome(replace(AZURE, endpoints=endpoints("Degraded"))), now=LATER)
    times = {c.type: c.last_transition_time for c in same.conditions}
    assert times == {"Programmed": NOW, "Ready": NOW, "Healthy": LATER}


def test_conditions_of_somebody_else_stay() -> None:
    profile = make_profile(status=ProfileStatus(conditions=(FOREIGN_CONDITION,)))
    for status in (
        profile_status(profile, outcome(), now=NOW),
        unidentified_status(profile, "no group", now=NOW),
        deletion_waits_status(profile, "x", now=NOW),
    ):
        assert FOREIGN_CONDITION in status.conditions
        assert [c.type for c in status.conditions] == sorted(c.type for c in status.conditions)


def test_messages_carry_code_and_sentence() -> None:
    condition = find(profile_status(NEW, outcome(waiting=SETTING, failure=REFUSED), now=NOW).conditions, "Programmed")
    assert condition is not None
    assert "AuthorizationFailed: no right to write" in condition.message


def test_a_connection_that_broke_is_not_called_an_answer_of_azure() -> None:
    broken = Failure("pending", "ConnectionBroken", "the connection broke")
    condition = find(profile_status(NEW, outcome(waiting=SETTING, failure=broken), now=NOW).conditions, "Programmed")
    assert condition is not None
    assert condition.message.endswith("The last tries gave ConnectionBroken: the connection broke")


@pytest.mark.parametrize(
    ("old", "new", "patch"),
    [
        pytest.param(ProfileStatus(), ProfileStatus(), None, id="nothing and nothing"),
        pytest.param(ProfileStatus(dns_name="a"), ProfileStatus(dns_name="a"), None, id="the same"),
        pytest.param(ProfileStatus(), ProfileStatus(dns_name="a"), {"dnsName": "a"}, id="a new value"),
        pytest.param(ProfileStatus(dns_name="a"), ProfileStatus(), {"dnsName": None}, id="a value that goes is null"),
        pytest.param(
            ProfileStatus(dns_name="a", resource_id="r"),
            ProfileStatus(dns_name="b", resource_id="r"),
            {"dnsName": "b"},
            id="only what differs",
        ),
        pytest.param(
            ProfileStatus(endpoints=EndpointCounts(2, 1, 1)),
            ProfileStatus(endpoints=EndpointCounts(0, 0, 0)),
            {"endpoints": {"total": 0, "online": 0, "degraded": 0}},
            id="a count of 0 is written",
        ),
        pytest.param(
            ProfileStatus(conditions=(FOREIGN_CONDITION,)),
            ProfileStatus(),
            {"conditions": None},
            id="the last condition",
        ),
    ],
)
def test_a_patch_has_what_differs_and_explicit_nulls(
    old: ProfileStatus, new: ProfileStatus, patch: dict[str, object] | None
) -> None:
    assert status_patch(old, new) == patch


def test_a_patch_written_and_read_back_is_the_status() -> None:
    status = BEFORE.status
    patch = status_patch(ProfileStatus(), status)
    assert msgspec.convert(msgspec.json.decode(msgspec.json.encode(patch)), ProfileStatus) == status


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        pytest.param(NameTaken("c", "s"), "name-taken", id="the name is taken"),
        pytest.param(Rejected("c", "s"), "refused", id="refused"),
        pytest.param(Forbidden("c", "s"), "refused", id="forbidden"),
        pytest.param(Throttled("c", "s", retry_after=1.0), "pending", id="throttled"),
        pytest.param(Transient("c", "s"), "pending", id="transient"),
        pytest.param(Conflict("c", "s"), "pending", id="conflict"),
    ],
)
def test_an_error_becomes_a_failure(error: FleetDNSError, kind: str) -> None:
    failure = failure_of(error)
    assert (failure.kind, str(failure)) == (kind, "c: s")
