"""What all parts of the reconciler of profiles work on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fleetdns.controllers.index import AzureIndex
from fleetdns.controllers.metered import MeteredTrafficManager
from fleetdns.controllers.ports import Definitions
from fleetdns.controllers.status import StatusWriter
from fleetdns.core.memory import Settings


@dataclass(frozen=True, slots=True)
class Surroundings:
    """`patience`: seconds after which an old observation is no longer called true, and for which an outage has one
    cause (three sweeps); `clock`: the loop's.
    """

    index: AzureIndex
    azure: MeteredTrafficManager
    definitions: Definitions
    writer: StatusWriter
    settings: Settings
    patience: float
    clock: Callable[[], float]
