"""What is watched, and by what: the controller on the hub, and the agent in each member cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml

from fleetdns.api.exports import CONFLICT
from fleetdns.api.offer import Offer
from fleetdns.api.service import Service, ServiceExport
from fleetdns.azure.errors import Operation
from fleetdns.core import offer
from fleetdns.core.contest import DRIFTING
from fleetdns.core.guard import GUARDED
from fleetdns.core.health import HEALTHY
from fleetdns.core.status import ACCEPTED, PROGRAMMED
from fleetdns.core.trafficmanager import DEGRADED, ONLINE
from fleetdns.errors import Conflict, Forbidden, NameTaken, Rejected, Throttled, Transient
from fleetdns.retry import classify
from fleetdns.runtime.observer import Phase
from tests.manifests.definitions import MANIFESTS
from tests.manifests.rendered import Object, only
from tests.manifests.series import served

_PAGES = MANIFESTS.parent / "docs"
_ERRORS = [kind("code", "sentence") for kind in (Conflict, Transient, NameTaken, Rejected, Forbidden)]
# What a label may say, where an expression that is spelled wrong would never be true.
_VALUES: Mapping[str, set[str]] = {
    "phase": {phase.name.lower() for phase in Phase},
    "status": {"True", "False", "Unknown"},
    "operation": {*get_args(Operation)},
    "result": {classify(error).label for error in (*_ERRORS, Throttled("", "", retry_after=1), ValueError())}
    | {"success"},
}


@dataclass(frozen=True, slots=True)
class Monitored:
    """`folder` has its rules, `runs` its Deployment; `values`: what a label may say. `page` tells what to do."""

    job: str
    folder: str
    runs: str
    page: Path
    cases: Mapping[str, Any]
    served: Mapping[str, frozenset[str]]
    values: Mapping[str, set[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.job

    @property
    def groups(self) -> list[Object]:
        """The rules as Prometheus itself reads them."""
        return list(only(self.folder, "PrometheusRule")["spec"]["groups"])

    @property
    def alerts(self) -> list[Object]:
        return [rule for group in self.groups for rule in group["rules"]]


def _cases(name: str) -> Mapping[str, Any]:
    cases: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name(name).read_text())
    return cases


CONTROLLER = Monitored(
    "fleetdns",
    "monitoring",
    "base",
    _PAGES / "deploy.md",
    _cases("alerts.yaml"),
    served(),
    {
        **_VALUES,
        "job": {"fleetdns"},
        "state": {ONLINE, DEGRADED},
        "condition": {PROGRAMMED, ACCEPTED, HEALTHY, GUARDED, DRIFTING},
    },
)
AGENT = Monitored(
    "fleetdns-member",
    "monitoring/member",
    "member/agent",
    _PAGES / "member.md",
    _cases("memberalerts.yaml"),
    served(is_agent=True),
    {
        **_VALUES,
        "job": {"fleetdns-member"},
        "condition": {offer.VALID, CONFLICT},
        "informer": {kind.resource.plural for kind in (Service, ServiceExport, Offer)},
    },
)
ALL = (CONTROLLER, AGENT)
