"""The fewest calls that make changes true.

differs                                     calls
profile not in Azure                        one PUT with all endpoints
one endpoint, nothing else                  one endpoint PUT or DELETE
settings only, nothing removed              one PATCH with whole groups
anything more                               one PUT: no moment with half the weights

A call that writes back what is there and not ours to say (an endpoint somebody disabled, foreign endpoints, tags and
monitor settings) is made over a fresh read: what is known may be a sweep old.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from msgspec import structs

from fleetdns.core.calls import Call, DeleteEndpoint, PatchProfile, PutEndpoint, PutProfile
from fleetdns.core.changes import Change, Create, Delete, Patch, is_retyped, subject_name
from fleetdns.core.trafficmanager import MAX_PRIORITY, Endpoint, Profile

_SHARED_GROUPS = frozenset({"monitorConfig", "tags"})  # hold things of others beside ours


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls in order. `needs_fresh`: they carry along what others may have changed, so they start from a fresh read."""

    calls: tuple[Call, ...]
    needs_fresh: bool = False


def batch(changes: tuple[Change, ...], observed: Profile | None) -> Batch:
    """The calls for `changes` against `observed`, which they were computed from."""
    if not changes:
        return Batch(())
    created = next((c for c in changes if isinstance(c, Create) and isinstance(c.subject, Profile)), None)
    if created is not None and isinstance(created.subject, Profile):
        profile = composed(created.subject, changes)
        return Batch((PutProfile(profile, f"new profile with {_count(len(profile.endpoints))}"),))
    if observed is None:
        return Batch(())
    settings = [c for c in changes if isinstance(c, Patch) and isinstance(c.subject, Profile)]
    endpoints = [c for c in changes if isinstance(c.subject, Endpoint)]
    if settings and not endpoints and not settings[0].removed:
        patch = _patched(settings[0])
        return Batch((patch,), needs_fresh=bool(_SHARED_GROUPS & set(patch.groups)))
    if len(endpoints) == 1 and not settings and not is_retyped(endpoints[0]):
        single = _single(endpoints[0], composed(observed, changes))
        return Batch((single,), needs_fresh=isinstance(endpoints[0], Patch))
    because = "; ".join([*(c.because for c in settings), *([_count(len(endpoints))] if endpoints else [])])
    return Batch((PutProfile(composed(observed, changes), because),), needs_fresh=True)


def one_by_one(changes: tuple[Change, ...], observed: Profile) -> Iterator[Call]:
    """The same changes as single calls, for when Azure refused them together: one bad endpoint must not block the rest.

    Deletions first: they free targets and places that later calls need. A type cannot be written over: the endpoint of
    the other type goes first.
    """
    for change in changes:
        if isinstance(change, Patch) and isinstance(change.subject, Profile):
            endpoints_as_they_are = replace(change.subject, endpoints=observed.endpoints)
            yield PutProfile(endpoints_as_they_are, change.because) if change.removed else _patched(change)
    endpoints = [change for change in changes if isinstance(change.subject, Endpoint)]
    placed = composed(observed, changes)
    for change in sorted(endpoints, key=lambda c: not isinstance(c, Delete)):
        retyped = observed.endpoint(subject_name(change)) if is_retyped(change) else None
        if retyped is not None:
            yield DeleteEndpoint(observed.ref, retyped, change.because)
        yield _single(change, placed)


def is_harmless(change: Change) -> bool:
    """Whether this cannot be why Azure refused a batch, as far as one can know: it only weighs what is there."""
    return isinstance(change, Patch) and isinstance(change.subject, Endpoint) and change.fields == ("weight",)


def named_in(sentence: str, changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that a refusal seems to be about: new endpoints and targets whose name or target its sentence has.

    A hint, nothing more: it says what to leave out first, and what Azure answers then decides.
    """
    said = sentence.lower()
    return tuple(change for change in changes if any(_is_word(word, said) for word in _words(change)))


def composed(base: Profile, changes: tuple[Change, ...]) -> Profile:
    """`base` with changes made true and all else as it was; new endpoints get free priorities, in order of name."""
    settings = next((c.subject for c in changes if isinstance(c, Patch) and isinstance(c.subject, Profile)), base)
    staying = {endpoint.folded: endpoint for endpoint in base.endpoints}
    creations = []
    for change in changes:
        match change:
            case Delete(subject=endpoint):
                staying.pop(endpoint.folded, None)
            case Patch(subject=Endpoint() as endpoint):
                staying[endpoint.folded] = endpoint
            case Create(subject=Endpoint() as endpoint):
                creations.append(endpoint)
    profile = replace(settings, endpoints=tuple(staying.values()))
    free = _free_priorities(profile)
    placed = (structs.replace(endpoint, priority=next(free)) for endpoint in sorted(creations, key=lambda e: e.folded))
    return replace(profile, endpoints=(*profile.endpoints, *placed))


def placed_anew(call: PutEndpoint, fresh: Profile) -> PutEndpoint | None:
    """The call for a new endpoint with a number that is free; None where its own is, or where it is there already."""
    taken = {endpoint.priority for endpoint in fresh.endpoints}
    if fresh.endpoint(call.endpoint.name) is not None or call.endpoint.priority not in taken:
        return None
    return replace(call, endpoint=structs.replace(call.endpoint, priority=next(_free_priorities(fresh))))


def _free_priorities(profile: Profile) -> Iterator[int]:
    taken = {endpoint.priority for endpoint in profile.endpoints}
    return (number for number in range(1, MAX_PRIORITY + 1) if number not in taken)


def _patched(change: Patch) -> PatchProfile:
    if not isinstance(change.subject, Profile):
        raise TypeError("only a profile is patched")
    groups = {field.split(".")[0] for field in change.fields}
    return PatchProfile(change.subject, tuple(sorted(groups)), change.because)


def _single(change: Change, placed: Profile) -> Call:
    """`placed`: the profile as it will be, where a new endpoint already has its priority."""
    match change:
        case Delete(subject=endpoint):
            return DeleteEndpoint(placed.ref, endpoint, change.because)
        case Create(subject=Endpoint() as endpoint) | Patch(subject=Endpoint() as endpoint):
            return PutEndpoint(placed.ref, placed.endpoint(endpoint.name) or endpoint, change.because)
    raise TypeError(f"not a change of one endpoint: {change!r}")


def _words(change: Change) -> tuple[str, ...]:
    if isinstance(change, Delete) or not isinstance(change.subject, Endpoint) or is_harmless(change):
        return ()
    target = change.subject.folded_target
    return (change.subject.folded, target) if target else (change.subject.folded,)


def _is_word(word: str, text: str) -> bool:
    """Whole, and not as the beginning of a longer one; a full stop may end the sentence or go on with a name."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-]|\.\w)", text) is not None


def _count(number: int) -> str:
    return "1 endpoint" if number == 1 else f"{number} endpoints"
