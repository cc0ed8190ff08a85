"""Lists Azure once for a command that looks and ends, as a controller does when it starts."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from fleetdns.controllers.caches import Caches
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.sweep import Sweep
from fleetdns.core.identity import Naming
from fleetdns.core.outcome import Failure
from fleetdns.errors import Bug, Deferred, FleetDNSError, Forbidden, Throttled


@dataclass(frozen=True, slots=True)
class Seen:
    """`is_whole`: the whole subscription; else the groups that are known. `refused`: those that may not be read, each
    with what Azure says. `blind`: the refusal, where nothing may be read at all. `failed`: what the list of the whole
    subscription was answered where that is no refusal.
    """

    is_whole: bool
    refused: tuple[tuple[str, str], ...]
    blind: Forbidden | None = None
    failed: str | None = None

    @property
    def shortfall(self) -> str | None:
        """What was not looked at, and why; None: nothing."""
        if self.is_whole:
            return None
        why = (
            "may not be listed as a whole" if self.failed is None else f"could not be listed as a whole: {self.failed}"
        )
        return f"the subscription {why}; only the resource groups that are known were looked at"


async def list_azure(caches: Caches, index: AzureIndex, naming: Naming) -> Seen:
    """Fill the index. Raises what keeps it from that.

    A list of the whole subscription that fails is asked for once more, and the groups before it: where they answer and
    it does not, they have to do.
    """
    told = _Refusals()
    sweep = Sweep(
        caches,
        index,
        naming=naming,
        enqueue=lambda _: None,
        observer=told,
        interval=60.0,
        patience=180.0,
        clock=asyncio.get_running_loop().time,
        random=Random(),
        tries=1,
    )
    await sweep.first()
    if told.whole is not None and not isinstance(told.whole, Throttled | Deferred):
        await sweep.first()
    return told.seen(index, sweep.groups_known())


class _Refusals:
    """Takes down what could not be listed."""

    def __init__(self) -> None:
        self.groups: dict[str, Forbidden] = {}
        self.error: FleetDNSError | None = None  # the first of one group that is no refusal
        self.whole: FleetDNSError | None = None  # what the list of the whole subscription was answered last

    def seen(self, index: AzureIndex, known: Collection[str]) -> Seen:
        """What is in the index; `known`: the groups that stand in. Raises what kept it from being listed."""
        if index.is_whole:
            return Seen(True, ())
        failed = self.error if index.is_listed else self.whole
        if isinstance(failed, Bug) and failed.__cause__ is not None:
            raise failed.__cause__
        if failed is not None:
            raise failed.again()
        is_blind = self.groups.keys() >= set(known)
        return Seen(
            False,
            tuple(sorted((group, str(error)) for group, error in self.groups.items())),
            blind=next(iter(self.groups.values()), index.refusal) if is_blind else None,
            failed=None if self.whole is None else str(self.whole),
        )

    def swept(self, resource_group: str, changed: int) -> None:
        pass

    def fell_silent(self, resource_group: str, profiles: int, because: Failure | None) -> None:
        pass

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        pass

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        if not resource_group:
            self.whole = error
        elif isinstance(error, Forbidden):
            self.groups[resource_group] = error
        else:
            self.error = self.error or error
