"""The calls that change Azure, as values: what the planner decides on, the adapter carries out and `plan` prints."""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.core.naming import PROFILE_TAG
from fleetdns.core.trafficmanager import Endpoint, Profile, ProfileRef


@dataclass(frozen=True, slots=True)
class PutProfile:
    """Write a whole profile: every endpoint that is not in it goes."""

    profile: Profile
    because: str

    @property
    def ref(self) -> ProfileRef:
        return self.profile.ref


@dataclass(frozen=True, slots=True)
class PatchProfile:
    """Write whole groups of settings and leave the endpoints alone. `groups`: wire names, sorted."""

    profile: Profile
    groups: tuple[str, ...]
    because: str

    @property
    def ref(self) -> ProfileRef:
        return self.profile.ref


@dataclass(frozen=True, slots=True)
class DeleteProfile:
    """Remove a profile with every endpoint in it."""

    ref: ProfileRef
    because: str


@dataclass(frozen=True, slots=True)
class PutEndpoint:
    """Write one endpoint, new or not."""

    ref: ProfileRef
    endpoint: Endpoint
    because: str


@dataclass(frozen=True, slots=True)
class DeleteEndpoint:
    """Remove one endpoint."""

    ref: ProfileRef
    endpoint: Endpoint
    because: str


Call = PutProfile | PatchProfile | DeleteProfile | PutEndpoint | DeleteEndpoint


def tag_written(call: Call) -> str | None:
    """The object that a profile is tagged for once the call was made; None where the call writes no tags."""
    return call.profile.tag(PROFILE_TAG) if isinstance(call, PutProfile | PatchProfile) else None
