"""What deployments, disruption budgets and network policies have before anybody writes them, and by default.

The defaults of pods are left out: none is ever made here.
"""

from __future__ import annotations

from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object

DEPLOYMENT: Object = {"spec": {"strategy": {}, "template": {"metadata": {}, "spec": {}}}, "status": {}}
_COUNTS = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
DISRUPTION_BUDGET: Object = {"spec": {}, "status": dict.fromkeys(_COUNTS, 0)}
NETWORK_POLICY: Object = {"spec": {"podSelector": {}}}
_ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}


def prepared(served: Served, obj: Object, old: Object | None) -> Object:
    """One of them with its defaults, and with the status that it had."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return obj
    match served.plural:
        case "deployments":
            status = (old or DEPLOYMENT).get("status", {})
            return obj | {"spec": {"strategy": _ROLLING} | spec, "status": status}
        case "poddisruptionbudgets":
            return obj | {"status": (old or DISRUPTION_BUDGET).get("status", {})}
        case "networkpolicies" if not spec.get("policyTypes"):
            types = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
            return obj | {"spec": spec | {"policyTypes": types}}
    return obj
