"""Hypothesis strategies: hubs with a few clusters and backends, and Azure profiles as somebody may have left them."""

from __future__ import annotations

from hypothesis import strategies as st
from msgspec import structs

from fleetdns.api.conditions import Condition
from fleetdns.api.exports import InternalServiceExport
from fleetdns.api.profile import MonitorConfig
from fleetdns.core.aggregate import Aggregate
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, EndpointName
from fleetdns.core.trafficmanager import Endpoint, Monitor, Profile
from tests.core.builders import (
    HUB_ID,
    make_aggregate,
    make_backend,
    make_export,
    make_foreign_endpoint,
    make_identity,
    make_import,
    make_profile,
    public_ip,
    uid_of,
)

CLUSTERS = ("member-1", "member-2", "member-3", "member-4")
SERVICES = ("app", "web")
LOST = Condition("Conflict", "True", "ConflictFound", "ports differ", 1, "2026-01-01T00:00:00Z")


@st.composite
def exports(draw: st.DrawFn, service: str, cluster: str) -> InternalServiceExport:
    """Mostly eligible ones; targets sometimes shared between clusters."""
    kind = draw(st.sampled_from(["good"] * 6 + ["no label", "internal", "pending", "lost", "stolen", "leaving"]))
    shared = draw(st.sampled_from([False] * 5 + [True]))
    return make_export(
        cluster,
        service=service,
        weight=draw(st.sampled_from([None, 0, 1, 2, 100])),
        has_dns_label=kind != "no label",
        is_internal=kind == "internal",
        target=None if kind == "pending" else public_ip("shared") if shared else "",
        member_namespace="fleet-member-evil" if kind == "stolen" else None,
        is_deleting=kind == "leaving",
        conditions=(LOST,) if kind == "lost" else (),
    )


@st.composite
def aggregates(draw: st.DrawFn) -> Aggregate:
    """One profile with up to three backends of two services."""
    listed = [
        draw(exports(service, cluster))
        for service in SERVICES
        for cluster in draw(st.lists(st.sampled_from(CLUSTERS), unique=True, max_size=4))
    ]
    backends = [
        make_backend(
            name,
            service=service,
            weight=draw(st.sampled_from([None, 0, 1, 100, 1000])),
            is_deleting=draw(st.sampled_from([False] * 5 + [True])),
        )
        for name, service in (("app", "app"), ("web", "web"), ("app-again", "app"))
        if draw(st.booleans())
    ]
    imports = [
        make_import(service, clusters=draw(st.lists(st.sampled_from(CLUSTERS), unique=True)))
        for service in SERVICES
        if draw(st.sampled_from([True] * 5 + [False]))
    ]
    monitor = draw(
        st.sampled_from([MonitorConfig(), MonitorConfig(10, 5, 0, "TCP", 443), MonitorConfig(port=8443, path="/x")])
    )
    return make_aggregate(make_profile(monitor=monitor), backends=backends, exports=listed, imports=imports)


@st.composite
def owned_endpoints(draw: st.DrawFn) -> list[Endpoint]:
    """Endpoints of present backends, and of ones that were there once, with whatever somebody made of them."""
    keys = draw(
        st.lists(
            st.tuples(st.sampled_from(["app", "web", "app-again", "gone"]), st.sampled_from(CLUSTERS)),
            unique=True,
            max_size=5,
        )
    )
    found: list[Endpoint] = []
    for name, cluster in keys:
        service = "web" if name == "web" else "app"
        target = public_ip(draw(st.sampled_from([f"{cluster}-{service}", "shared", f"old-{cluster}-{name}"])))
        if target.lower() in {e.folded_target for e in found}:
            continue
        found.append(
            Endpoint(
                name=str(EndpointName(uid_of(f"tmb/work/{name}"), service, cluster)),
                target_resource_id=draw(st.sampled_from([target, target.upper()])),
                weight=draw(st.sampled_from([1, 50, 100])),
                status=draw(st.sampled_from(["Enabled", "Enabled", "Disabled"])),
                monitor_status="Online",
                unmanaged=draw(st.sampled_from([b"", b'{"properties":{"alwaysServe":"Enabled"}}'])),
            )
        )
    return found


@st.composite
def azure_profiles(draw: st.DrawFn) -> Profile | None:
    """What Azure may hold under the profile's name: nothing, or something somebody has been at."""
    if draw(st.sampled_from([True, False, False, False])):
        return None
    identity = make_identity()
    endpoints = [*draw(owned_endpoints()), *(make_foreign_endpoint(n) for n in draw(st.sampled_from([[], ["x", "y"]])))]
    order = draw(st.permutations(range(1, len(endpoints) + 1)))
    tags = draw(st.sampled_from([(), ((HUB_TAG.upper(), HUB_ID), (PROFILE_TAG, "work/myatm")), (("team", "blue"),)]))
    return Profile(
        ref=identity.ref,
        relative_name=identity.relative_name,
        ttl=draw(st.sampled_from([60, 30, None])),
        monitor=Monitor("HTTP", draw(st.sampled_from([80, 8443])), "/", 30, 10, 3, unmanaged=b'{"expected":[]}'),
        tags=tags,
        endpoints=tuple(structs.replace(e, priority=n) for e, n in zip(endpoints, order, strict=True)),
        status=draw(st.sampled_from(["Enabled", "Disabled"])),
        fqdn=identity.fqdn,
        unmanaged=b'{"properties":{"maxReturn":2}}',
        unmanaged_dns=b'{"odd":1}',
    )
