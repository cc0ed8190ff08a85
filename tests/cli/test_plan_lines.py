"""What `fleetdns plan` prints of one profile: what is held, and what Azure refused before and is asked once more."""

from __future__ import annotations

from dataclasses import replace

from fleetdns.app.reading import Planned
from fleetdns.commands.plan import document, lines
from fleetdns.commands.terminal import Paint
from fleetdns.controllers.listing import Seen
from fleetdns.core.calls import DeleteEndpoint, PutEndpoint
from fleetdns.core.candidates import Rejection
from fleetdns.core.preview import Kept, ProfilePreview, Step
from fleetdns.core.trafficmanager import Endpoint
from tests.core.builders import endpoint_name, make_backend, make_identity, make_profile

REFUSED, HELD = (endpoint_name(cluster).lower() for cluster in ("a", "b"))
SERVICE = make_backend().spec.backend.name


def planned(*profiles: ProfilePreview) -> Planned:
    return Planned("https://hub", "id", None, Seen(is_whole=True, refused=()), profiles, knows_overrides=True)


def told(*profiles: ProfilePreview) -> list[str]:
    """What is printed."""
    return list(lines(planned(*profiles), Paint(is_on=False)))


def test_what_is_tried_once_more_is_not_called_held() -> None:
    ref = make_identity().ref
    profile = ProfilePreview(
        make_profile().metadata.key,
        ref,
        "myatm.trafficmanager.net",
        steps=(Step(PutEndpoint(ref, Endpoint(REFUSED), "not in Azure")),),
        kept=(Kept(REFUSED, "Refused", "BadRequest: no such IP"), Kept(HELD, "Paused", "it is paused")),
    )
    assert told(profile)[1:4] == [
        f"  PUT endpoint {SERVICE} in a  not in Azure",
        f"  refused before  {SERVICE} in a: BadRequest: no such IP (Refused)",
        f"  held  {SERVICE} in b: it is paused (Paused)",
    ]


def test_what_comes_later_stands_beneath_what_it_waits_for() -> None:
    ref = make_identity().ref
    first = Step(PutEndpoint(ref, Endpoint(REFUSED), "not in Azure"))
    later = Step(DeleteEndpoint(ref, Endpoint(HELD), "drained"), then="once that is done")
    profile = ProfilePreview(make_profile().metadata.key, ref, "myatm.trafficmanager.net", steps=(first, later))
    assert told(profile)[1:] == [
        f"  PUT endpoint {SERVICE} in a  not in Azure",
        "  once that is done:",
        f"  DELETE endpoint {SERVICE} in b  drained",
        "",
        "2 calls for 1 of 1 profile on https://hub.",
    ]
    assert [call["then"] for call in document(planned(profile))["profiles"][0]["calls"]] == [None, "once that is done"]


def test_many_that_are_held_for_one_cause_are_one_line_and_whole_for_programs() -> None:
    names = [endpoint_name(f"c-{number:02}").lower() for number in range(40)]
    kept = (*(Kept(name, "RemovalHeld", "its export is gone") for name in names), Kept("", "Paused", "it is paused"))
    profile = ProfilePreview(make_profile().metadata.key, make_identity().ref, "myatm.trafficmanager.net", kept=kept)
    named = ", ".join(f"{SERVICE} in c-{number:02}" for number in range(3))
    assert told(profile)[1:3] == [
        f"  held  {named} and 37 more: its export is gone (RemovalHeld)",
        "  held  settings: it is paused (Paused)",
    ]
    held = document(planned(profile))["profiles"][0]["held"]
    assert [each["endpoint"] for each in held] == [*names, None]


def test_what_is_held_says_what_it_would_be_changed_to() -> None:
    kept = (Kept("", "Paused", "paused", "dnsConfig.ttl 60 -> 30"), Kept(HELD, "Paused", "paused", "weight 1 -> 2"))
    profile = ProfilePreview(make_profile().metadata.key, make_identity().ref, "f", kept=kept)
    assert (
        told(profile)[1]
        == f"  held  settings (dnsConfig.ttl 60 -> 30), {SERVICE} in b (weight 1 -> 2): paused (Paused)"
    )
    held = document(planned(profile))["profiles"][0]["held"]
    assert [each["change"] for each in held] == ["dnsConfig.ttl 60 -> 30", "weight 1 -> 2"]


def test_many_that_are_no_endpoint_for_one_cause_are_one_line() -> None:
    rejected = tuple(
        Rejection(make_backend().metadata.key, f"c-{number}", "DNSLabelMissing", "no DNS label") for number in range(5)
    )
    profile = ProfilePreview(
        make_profile().metadata.key, make_identity().ref, "f", kept=(Kept("", "Paused", "p"),), rejected=rejected
    )
    assert (
        told(profile)[2]
        == "  no endpoint  app in c-0, app in c-1, app in c-2 and 2 more: no DNS label (DNSLabelMissing)"
    )


def test_a_namespace_without_profiles_is_not_called_true() -> None:
    nothing = replace(planned(), namespace="elsewhere")
    assert list(lines(nothing, Paint(is_on=False))) == [
        "No call: there is no TrafficManagerProfile in namespace elsewhere on https://hub."
    ]
