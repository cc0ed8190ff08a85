"""Which changes undo what somebody did in Azure, and which carry out what somebody asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from fleetdns.api.backend import BackendStatus, EndpointStatus
from fleetdns.api.conditions import Condition
from fleetdns.api.profile import ProfileStatus
from fleetdns.core.changes import diff
from fleetdns.core.drift import Drift, doubtful_after, drifted
from fleetdns.core.recall import settled_by_status
from fleetdns.core.trafficmanager import Profile
from tests.core.builders import (
    endpoint_name,
    make_aggregate,
    make_backend,
    make_desired,
    make_export,
    make_profile,
    public_ip,
)

A, B = endpoint_name("a"), endpoint_name("b")


def hub(*clusters: str, ttl: int = 60, weight: int = 100) -> Profile:
    return make_desired(
        make_aggregate(
            make_profile(ttl=ttl), backends=[make_backend(weight=weight)], exports=[make_export(c) for c in clusters]
        )
    ).profile


def with_endpoint(profile: Profile, which: str, *, weight: int | None = None, target: str | None = None) -> Profile:
    endpoint = profile.endpoint(which)
    assert endpoint is not None
    return profile.with_endpoint(
        structs.replace(
            endpoint,
            weight=endpoint.weight if weight is None else weight,
            target_resource_id=target or endpoint.target_resource_id,
        )
    )


TWO = hub("a", "b")


@pytest.mark.parametrize(
    ("settled", "desired", "observed", "told"),
    [
        pytest.param(TWO, TWO, TWO, [], id="nothing happened"),
        pytest.param(None, TWO, with_endpoint(TWO, A, weight=1), [], id="nothing is remembered"),
        pytest.param(
            TWO, TWO, with_endpoint(TWO, A, weight=1), [(A, ("weight",))], id="somebody changed a weight in Azure"
        ),
        pytest.param(
            TWO, TWO, TWO.without_endpoint(A), [(A, ("endpoint",))], id="somebody deleted an endpoint in Azure"
        ),
        pytest.param(
            TWO, TWO, None, [("", ("profile",))], id="somebody deleted the profile in Azure: one thing to tell"
        ),
        pytest.param(
            TWO, TWO, replace(TWO, ttl=1), [("", ("dnsConfig.ttl",))], id="somebody changed a setting in Azure"
        ),
        pytest.param(
            TWO, TWO, replace(TWO, tags=TWO.tags[:1]), [("", (f"tags.{TWO.tags[1][0]}",))], id="somebody removed a tag"
        ),
        pytest.param(TWO, hub("a", "b", ttl=5), TWO, [], id="a user changed a setting"),
        pytest.param(TWO, hub("a", "b", weight=10), TWO, [], id="a user changed a weight"),
        pytest.param(TWO, hub("a"), TWO, [], id="a cluster left"),
        pytest.param(hub("a"), TWO, hub("a"), [], id="a cluster joined"),
        pytest.param(hub("a"), TWO, TWO, [], id="a cluster joined and is there already"),
        pytest.param(
            TWO,
            hub("a", "b", ttl=5),
            replace(TWO, status="Disabled"),
            [("", ("profileStatus",))],
            id="both at once on the profile: only somebody's field is told",
        ),
        pytest.param(
            TWO,
            hub("a", "b", weight=10),
            with_endpoint(TWO, A, target=public_ip("x")),
            [(A, ("targetResourceId",))],
            id="both at once on an endpoint: only somebody's field is told",
        ),
        pytest.param(
            TWO,
            hub("a", "b", weight=10),
            with_endpoint(TWO, A, weight=1),
            [],
            id="both at once on one field: it is the user's change",
        ),
        pytest.param(
            TWO,
            hub("a", "b", weight=10),
            TWO.without_endpoint(A),
            [(A, ("endpoint",))],
            id="both at once: a deleted endpoint is told whatever its weight shall be",
        ),
        pytest.param(
            TWO,
            hub("a", "b", ttl=5),
            None,
            [("", ("profile",))],
            id="both at once: a deleted profile is told all the same",
        ),
    ],
)
def test_drift(
    settled: Profile | None, desired: Profile, observed: Profile | None, told: list[tuple[str, tuple[str, ...]]]
) -> None:
    found = drifted(diff(desired, observed), desired=desired, settled=settled)
    assert [(drift.endpoint, drift.fields) for drift in found] == told


def test_a_drift_says_from_what_to_what() -> None:
    found = drifted(diff(TWO, with_endpoint(TWO, A, weight=1)), desired=TWO, settled=TWO)
    assert found == (Drift(A, ("weight",), "weight 1 -> 50"),)


PROGRAMMED = Condition("Programmed", "True", "Programmed", "", 1, "2026-01-01T00:00:00Z")


def listed(*endpoints: tuple[str, int]) -> BackendStatus:
    return BackendStatus(endpoints=tuple(EndpointStatus(name, weight=weight) for name, weight in endpoints))


@pytest.mark.parametrize(
    ("condition", "observed_generation", "status", "names"),
    [
        pytest.param(PROGRAMMED, 1, listed((A, 50), (B, 50)), [A, B], id="everything was true"),
        pytest.param(PROGRAMMED, 1, listed((A, 50)), [A], id="one endpoint had not been there"),
        pytest.param(PROGRAMMED, 1, listed((A, 50), (B, 7)), [A], id="one weight was another"),
        pytest.param(PROGRAMMED, 1, listed(), [], id="no endpoint had been there"),
        pytest.param(PROGRAMMED, 0, listed((A, 50)), None, id="spec changed since"),
        pytest.param(
            Condition("Programmed", "Unknown", "Pending"), 1, listed((A, 50)), None, id="a change had been waiting"
        ),
        pytest.param(None, 1, listed((A, 50)), None, id="no status yet"),
    ],
)
def test_after_a_restart_status_tells_what_was_true(
    condition: Condition | None, observed_generation: int, status: BackendStatus, names: list[str] | None
) -> None:
    profile = make_profile(
        status=ProfileStatus(observed_generation=observed_generation, conditions=(condition,) if condition else ())
    )
    settled = settled_by_status(TWO, TWO, profile=profile, backends=[make_backend(status=status)])
    assert (None if settled is None else [e.name for e in settled.endpoints]) == names


def test_after_a_restart_a_weight_changed_in_azure_is_drift_and_one_changed_on_the_hub_is_not() -> None:
    profile = make_profile(status=ProfileStatus(observed_generation=1, conditions=(PROGRAMMED,)))
    backend = make_backend(status=listed((A, 50), (B, 50)))
    in_azure = with_endpoint(TWO, A, weight=3)
    settled = settled_by_status(TWO, in_azure, profile=profile, backends=[backend])
    assert [d.endpoint for d in drifted(diff(TWO, in_azure), desired=TWO, settled=settled)] == [A]
    elsewhere = with_endpoint(TWO, A, target=public_ip("x"))
    settled = settled_by_status(TWO, elsewhere, profile=profile, backends=[backend])
    assert [d.fields for d in drifted(diff(TWO, elsewhere), desired=TWO, settled=settled)] == [("targetResourceId",)]
    wanted = hub("a", "b", weight=10)
    settled = settled_by_status(wanted, TWO, profile=profile, backends=[backend])
    assert drifted(diff(wanted, TWO), desired=wanted, settled=settled) == ()


def test_after_a_restart_a_target_that_status_shows_as_it_still_is_was_changed_on_the_hub() -> None:
    """Status has the name that Azure found for a target, and not the target itself."""
    profile = make_profile(status=ProfileStatus(observed_generation=1, conditions=(PROGRAMMED,)))
    found = with_endpoint(TWO, A, target=public_ip("before"))
    endpoint = found.endpoint(A)
    assert endpoint is not None
    found = found.with_endpoint(structs.replace(endpoint, target="before.example"))
    for told, drifts in (("before.example", []), ("another.example", [("targetResourceId",)])):
        status = BackendStatus(endpoints=(EndpointStatus(A, target=told, weight=50), EndpointStatus(B, weight=50)))
        settled = settled_by_status(TWO, found, profile=profile, backends=[make_backend(status=status)])
        assert [d.fields for d in drifted(diff(TWO, found), desired=TWO, settled=settled)] == drifts


def test_what_a_lost_write_may_have_changed_is_nobody_s_doing_until_it_is_as_desired() -> None:
    """A user asks for another ttl and for a cluster less, the answer is lost, and the user takes both back."""
    asked, spoilt = hub("a", ttl=5), with_endpoint(TWO, A, weight=1)
    lost = doubtful_after(frozenset(), diff(asked, TWO), (), desired=asked, known=None)
    assert lost == {"", A, B}  # the other's weight turned as well
    happened = diff(TWO, asked)
    assert {drift.endpoint for drift in drifted(happened, desired=TWO, settled=TWO)} == {"", A, B}
    assert drifted(happened, desired=TWO, settled=TWO, doubtful=lost) == ()

    still = doubtful_after(lost, happened, (), desired=TWO, known=replace(TWO, ttl=5))
    assert still == {""}
    assert [d.endpoint for d in drifted(diff(TWO, spoilt), desired=TWO, settled=TWO, doubtful=still)] == [A]
    assert doubtful_after(still, (), (), desired=TWO, known=TWO) == frozenset()


def test_a_repair_of_which_nobody_knows_what_it_did_is_a_repair_when_it_is_tried_again() -> None:
    spoilt = with_endpoint(TWO, A, weight=1)
    changes = diff(TWO, spoilt)
    drifts = drifted(changes, desired=TWO, settled=TWO)
    assert [drift.endpoint for drift in drifts] == [A]
    assert doubtful_after(frozenset(), changes, drifts, desired=TWO, known=None) == frozenset()
