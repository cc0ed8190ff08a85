"""Carries calls out, one after the other, and keeps what is known of Azure true to the answers.

A batch that Azure refuses is taken apart, so that one bad endpoint never blocks the others. For k changes that takes
k + 2 calls at most:
    the refusal names endpoints         they are left out and the rest is written at once, again and again
    it names none                       weights of what is there go in one write, all else alone
    one new endpoint was all            a read tells whether its number is another's by now: then it gets a free one
    nothing of the profile is there     it is made empty first
and two more for each endpoint that hands its target over: whether Azure still takes that is seen before it goes.
A write whose outcome is unknown makes the profile unknown: somebody has to read before anybody repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from fleetdns.controllers.freenames import FreeNames
from fleetdns.controllers.ports import TrafficManager
from fleetdns.core.batch import composed, is_harmless, named_in, one_by_one, placed_anew
from fleetdns.core.calls import Call, DeleteEndpoint, DeleteProfile, PatchProfile, PutEndpoint, PutProfile, tag_written
from fleetdns.core.changes import Change, subject_name
from fleetdns.core.handover import Handover, handed_over, handovers, parts_of
from fleetdns.core.observed import GET, ObservedProfiles
from fleetdns.core.retries import Retries
from fleetdns.core.trafficmanager import Endpoint, Profile, ProfileRef
from fleetdns.errors import Deferred, FleetDNSError, Forbidden, NotLeading, Rejected, Transient


@dataclass(slots=True)
class Results:
    """What came of the calls.

    `error` stops everything, `refusal` (of settings, of a removal) does not, and both want another try. What concerns
    one endpoint alone is remembered for that endpoint. `untried`: parts of a refused batch that an error, or the budget
    of calls, kept from being tried: folded endpoint names, "" for the profile's settings.
    """

    error: FleetDNSError | None = None
    refusal: FleetDNSError | None = None
    endpoint_errors: dict[str, FleetDNSError] = field(default_factory=dict)  # by folded endpoint name
    succeeded: set[str] = field(default_factory=set)  # folded endpoint names
    untried: frozenset[str] = frozenset()

    @property
    def failure(self) -> FleetDNSError | None:
        """What has to be told, and tried again."""
        return self.error or self.refusal


class Applier:
    """Writes to Traffic Manager. `clock`: the loop's, for the order of reads and writes."""

    def __init__(self, azure: TrafficManager, observed: ObservedProfiles, *, clock: Callable[[], float]) -> None:
        self._azure = azure
        self._observed = observed
        self._clock = clock
        self._free_names = FreeNames(azure)

    async def apply(self, calls: tuple[Call, ...], changes: tuple[Change, ...], base: Profile | None) -> Results:
        """Carry out `calls`, which make `changes` true on top of `base` (None: the profile is new)."""
        results = Results()
        for call in calls:
            try:
                await self._carry_out(call)
            except Rejected as error:
                await self._after_refusal(call, error, changes, base, results)
            except FleetDNSError as error:
                results.error = await self._free_names.explained(call, error, is_new=base is None)
            if results.error is not None:
                return results
        return results

    async def delete_profile(self, call: DeleteProfile) -> None:
        """Delete a whole profile; raises what Azure answers."""
        await self._carry_out(call)

    async def apply_singly(self, calls: Iterable[Call], results: Results) -> None:
        """Calls of which one refused does not stop the others; any other error does."""
        for call in calls:
            refusal = await self._refusal(call, results)
            if results.error is not None:
                return
            if refusal is not None:
                _refuse(call, refusal, results)
            else:
                _succeed(call, results)

    async def apart(self, changes: tuple[Change, ...], base: Profile) -> Results:
        """Go on with a batch that was refused, where it was left."""
        results = Results()
        await self._take_apart(base.ref, changes, base, results)
        return results

    async def again(self, retries: Retries, results: Results) -> None:
        """Try what was refused before, each endpoint by itself."""
        await self.apply_singly(retries.alone, results)
        if retries.ref is not None:
            for pair in retries.handovers:
                await self._hand_over(retries.ref, (pair,), results)

    async def _after_refusal(
        self, call: Call, error: Rejected, changes: tuple[Change, ...], base: Profile | None, results: Results
    ) -> None:
        if error.is_content and isinstance(call, PutEndpoint) and base and not base.endpoint(call.endpoint.name):
            await self._place_anew(call, error, base, results)
            return
        endpoints = tuple(change for change in changes if isinstance(change.subject, Endpoint))
        if not error.is_content or not isinstance(call, PutProfile) or not endpoints:
            _refuse(call, error, results)
            return
        empty = replace(call.profile, endpoints=()) if base is None else None
        parts = endpoints if empty is not None else changes
        left = await self._leave_out(error, parts, base or empty or call.profile, call.because, results)
        if not left or results.error is not None:
            results.untried = _names(left)
        elif empty is not None:
            await self._create_empty_first(PutProfile(empty, call.because), left, results)
        else:
            await self._take_apart(call.ref, left, base or call.profile, results)

    async def _place_anew(self, call: PutEndpoint, error: Rejected, base: Profile, results: Results) -> None:
        """A new endpoint that was refused alone: it has a number that was free when Azure was last heard."""
        started = self._clock()
        try:
            fresh = await self._azure.get(call.ref)
        except FleetDNSError:
            _refuse(call, error, results)
            return
        self._observed.read(call.ref, fresh, source=GET, started=started)
        placed = placed_anew(call, fresh) if fresh is not None and fresh.tags == base.tags else None
        if placed is None:
            _refuse(call, error, results)
        else:
            await self.apply_singly((placed,), results)

    async def _leave_out(
        self, error: Rejected, changes: tuple[Change, ...], base: Profile, because: str, results: Results
    ) -> tuple[Change, ...]:
        """Write the batch again without what the refusal names, as long as it names anything; what is left to do then.

        That the rest is taken proves what was left out; one that was left out by mistake is tried alone soon after.
        """
        left, kept = changes, tuple[Change, ...]()
        while named := named_in(error.sentence, left):
            pairs = handed_over(named, left)
            rest = tuple(change for change in left if change not in named and change not in pairs)
            if not rest:
                break
            results.endpoint_errors.update(dict.fromkeys(_names(named), error))
            left, kept = rest, (*kept, *pairs)
            try:
                await self._carry_out(PutProfile(composed(base, rest), because))
            except Rejected as refusal:
                error = refusal
            except FleetDNSError as failure:
                results.error = failure
                break
            else:
                results.succeeded |= _names(rest)
                return ()
        return (*left, *kept)  # what hands targets over may be refused as it is: then it is in the way of the others

    async def _take_apart(self, ref: ProfileRef, changes: tuple[Change, ...], base: Profile, results: Results) -> None:
        """What hands a target over stays one write if Azure takes that at all: in between nobody serves the target."""
        pairs = handovers(changes)
        together = parts_of(pairs)
        apart = tuple(change for change in changes if change not in together)
        harmless = tuple(change for change in apart if is_harmless(change))
        if len(harmless) > 1 and not pairs and await self._is_taken(ref, harmless, results):
            apart = tuple(change for change in apart if change not in harmless)
        await self.apply_singly(one_by_one(apart, self._known_or(base)), results)
        if pairs and not (apart and await self._is_taken(ref, together, results)):
            await self._hand_over(ref, pairs, results)
        if results.error is not None:
            results.untried = _names(changes) - results.succeeded - results.endpoint_errors.keys()

    async def _hand_over(self, ref: ProfileRef, pairs: tuple[Handover, ...], results: Results) -> None:
        """Targets that Azure did not let go to other endpoints in one write: those that it still takes go, and what
        has the others keeps them.
        """
        good = []
        for pair in pairs:
            refusal = await self._refusal(pair.trial(ref), results)
            if refusal is not None:
                results.endpoint_errors[pair.heir] = refusal
            else:
                good.append(pair)
        if not good or await self._together(ref, parts_of(good), results) is None:
            return
        # One that Azure refuses as it is tells that it looks at those: what it takes so it takes for another endpoint.
        is_telling = len(good) < len(pairs)
        for pair in good:
            if is_telling:
                await self._move(ref, pair, results)
            elif (refusal := await self._together(ref, pair.changes, results)) is not None:
                results.endpoint_errors[pair.heir] = refusal

    async def _move(self, ref: ProfileRef, pair: Handover, results: Results) -> None:
        """One target by single calls."""
        deletion, creation = pair.calls(ref)
        refusal = await self._refusal(deletion, results)
        results.refusal = results.refusal or refusal
        if refusal is not None or results.error is not None:
            return
        await self.apply_singly((creation,), results)
        if pair.heir in results.endpoint_errors:
            await self.apply_singly((pair.back(ref),), results)

    async def _together(self, ref: ProfileRef, changes: tuple[Change, ...], results: Results) -> Rejected | None:
        """What Azure says against these changes in one write; None: they were made, or `results.error` says why not."""
        if results.error is not None:
            return None
        because = f"{len(changes)} endpoints of a batch that was refused"
        refusal = await self._refusal(PutProfile(composed(self._known(ref), changes), because), results)
        if refusal is None and results.error is None:
            results.succeeded |= _names(changes)
        return refusal

    async def _is_taken(self, ref: ProfileRef, changes: tuple[Change, ...], results: Results) -> bool:
        return await self._together(ref, changes, results) is None and results.error is None

    async def _refusal(self, call: Call, results: Results) -> Rejected | None:
        """What Azure says against a call; None: it was made, or `results.error`, which ends it all, says why not."""
        if results.error is not None:
            return None
        try:
            await self._carry_out(call)
        except Rejected as refusal:
            return refusal
        except FleetDNSError as error:
            results.error = error
        return None

    async def _create_empty_first(self, empty: PutProfile, endpoints: tuple[Change, ...], results: Results) -> None:
        try:
            created = await self._carry_out(empty)
        except FleetDNSError as error:
            results.error = await self._free_names.explained(empty, error, is_new=True)
            return
        if created is not None:
            await self._take_apart(empty.ref, endpoints, created, results)

    async def _carry_out(self, call: Call) -> Profile | None:
        """One call; the profile as it is known afterwards."""
        try:
            profile = await self._write(call)
        except (Rejected, Forbidden, NotLeading, Deferred):  # nothing was written, and that is certain
            raise
        except FleetDNSError:
            # Throttled and Conflict say that nothing was written, Transient does not know; what is known may be
            # old in every case, and one read is cheaper than a wrong write.
            self._observed.lost(call.ref, tag=tag_written(call), ended=self._clock())
            raise
        except BaseException:
            self._observed.lost(call.ref, tag=tag_written(call), ended=self._clock())
            raise
        self._observed.wrote(call.ref, profile, ended=self._clock())
        return profile

    async def _write(self, call: Call) -> Profile | None:
        match call:
            case PutProfile():
                return await self._azure.put_profile(call)
            case PatchProfile():
                return await self._azure.patch_profile(call)
            case DeleteProfile():
                await self._azure.delete_profile(call)
                return None
            case PutEndpoint():
                endpoint = await self._azure.put_endpoint(call)
                return self._known(call.ref).with_endpoint(endpoint)
            case DeleteEndpoint():
                await self._azure.delete_endpoint(call)
                return self._known(call.ref).without_endpoint(call.endpoint.name)

    def _known_or(self, base: Profile) -> Profile:
        """What is known of a profile by now, or what was known before; either way it is written to with care."""
        observation = self._observed.get(base.ref)
        return observation.profile if observation is not None and observation.profile is not None else base

    def _known(self, ref: ProfileRef) -> Profile:
        """What is known of a profile that an endpoint was just written to."""
        observation = self._observed.get(ref)
        if observation is None or observation.profile is None:
            raise Transient("ProfileChanged", "the profile went away while one of its endpoints was written")
        return observation.profile


def _names(changes: Iterable[Change]) -> frozenset[str]:
    return frozenset(subject_name(change) for change in changes)


def _refuse(call: Call, error: Rejected, results: Results) -> None:
    if isinstance(call, PutEndpoint):
        results.endpoint_errors[call.endpoint.folded] = error
    else:
        results.refusal = results.refusal or error


def _succeed(call: Call, results: Results) -> None:
    if isinstance(call, PutEndpoint):
        results.succeeded.add(call.endpoint.folded)
