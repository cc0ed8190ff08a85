"""Lists Azure once for a command that looks and ends, as a controller does when it starts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from fleetdns.controllers.caches import Caches
from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.sweep import Sweep
from fleetdns.core.identity import Naming
from fleetdns.core.outcome import Failure
from fleetdns.errors import Bug, FleetDNSError, Forbidden


@dataclass(frozen=True, slots=True)
class Seen:
    """`is_whole`: the whole subscription; else the groups that are known. `refused`: those that may not be read, each
    with what Azure says. `blind`: the refusal, where nothing may be read at all.
    """

    is_whole: bool
    refused: tuple[tuple[str, str], ...]
    blind: Forbidden | None = None


async def list_azure(caches: Caches, index: AzureIndex, naming: Naming) -> Seen:
    """Fill the index. Raises what keeps it from that."""
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
    )
    await sweep.first()
    if isinstance(told.error, Bug) and told.error.__cause__ is not None:
        raise told.error.__cause__
    if told.error is not None:
        raise told.error.again()
    refused = tuple(sorted((group, str(error)) for group, error in told.groups.items()))
    is_blind = not index.is_whole and told.groups.keys() >= set(sweep.groups_known())
    return Seen(index.is_whole, refused, next(iter(told.groups.values()), index.refusal) if is_blind else None)


class _Refusals:
    """Takes down the groups that may not be read."""

    def __init__(self) -> None:
        self.groups: dict[str, Forbidden] = {}
        self.error: FleetDNSError | None = None  # the first that is no refusal of one group

    def swept(self, resource_group: str, changed: int) -> None:
        pass

    def fell_silent(self, resource_group: str, profiles: int, because: Failure | None) -> None:
        pass

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        pass

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        if resource_group and isinstance(error, Forbidden):
            self.groups[resource_group] = error
        else:
            self.error = self.error or error
