"""What the hub controller is put together from: whom it reaches, how it works, and who is told."""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.controllers.observer import ReconcileObserver
from fleetdns.controllers.ports import Definitions, Discovery, Hub, TrafficManager
from fleetdns.controllers.sweep import SweepObserver
from fleetdns.core.callbudget import CallBudget
from fleetdns.runtime.controller import ControllerObserver
from fleetdns.runtime.workqueue import QueueMetrics


@dataclass(frozen=True, slots=True)
class Observers:
    """Who is told of what goes on."""

    controller: ControllerObserver
    reconcile: ReconcileObserver
    sweep: SweepObserver
    queue: QueueMetrics


@dataclass(frozen=True, slots=True)
class Ports:
    """What it reaches outside."""

    azure: TrafficManager
    hub: Hub
    definitions: Definitions
    discovery: Discovery


@dataclass(frozen=True, slots=True)
class Options:
    """How it works, whatever it decides. `sweep_interval`: seconds. `namespace`: the one whose services are resolved
    (None: all). `resource_overrides`: AUTO, ON or OFF of core/overrides.py. `budget`: None for Azure's own limits.
    """

    sweep_interval: float
    workers: int
    resolves_exports: bool
    resource_overrides: str
    namespace: str | None = None
    budget: CallBudget | None = None
