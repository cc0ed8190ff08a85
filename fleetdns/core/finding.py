"""What is asked about a service, and what is found: values between the hub, `core/explain.py` and who prints them."""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.api.meta import ObjectKey
from fleetdns.api.profile import TrafficManagerProfile
from fleetdns.core.aggregate import Aggregate


@dataclass(frozen=True, slots=True)
class Finding:
    """What one cluster is to one backend. `todo`: what to do, "" where nothing is to be done; `share`: 0..1."""

    cluster: str
    verdict: str
    because: str
    todo: str = ""
    weight: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One backend of a service (None: it has none) with every cluster that is known, sorted. `remarks`: what else the
    hub says of it, in sentences.
    """

    service: ObjectKey
    backend: str | None
    profile: ObjectKey | None
    dns_name: str | None
    findings: tuple[Finding, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BareProfile:
    """A TrafficManagerProfile that has no backend. `remarks`: what else its status says, in sentences."""

    key: ObjectKey
    dns_name: str | None
    because: str
    todo: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A service as the hub has it. `aggregates`: of each profile that has a backend for it; `bare`: without one.

    `guarded`: the profiles of its namespace that hold endpoints whose backends are gone.
    """

    service: ObjectKey
    aggregates: tuple[Aggregate, ...]
    bare: Aggregate
    clusters: frozenset[str]
    guarded: tuple[TrafficManagerProfile, ...] = ()
