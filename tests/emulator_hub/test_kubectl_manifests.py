"""The manifests of this repository, applied to the embedded server by a real kubectl."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetdns.emulator.hub.server import HubServer
from tests.emulator_hub.test_kubectl import Kubectl, kubectl

__all__ = ["kubectl"]

pytestmark = pytest.mark.kubectl

MANIFESTS = Path(__file__).parents[2] / "manifests"


@pytest.mark.parametrize("folder", ["base", "member", "crds"])
async def test_they_are_made_and_then_left_alone(kubectl: Kubectl, folder: str) -> None:
    apply = ("apply", "-k", str(MANIFESTS / folder))
    made = (await kubectl.ok(*apply)).splitlines()
    assert [line for line in made if not line.endswith(" created")] == []
    # A budget is said to be changed by a real server, too.
    again = [line for line in (await kubectl.ok(*apply)).splitlines() if "poddisruptionbudget" not in line]
    assert [line for line in again if not line.endswith(" unchanged")] == []
    assert await kubectl.ok("diff", "-k", str(MANIFESTS / folder)) == ""
    await kubectl.ok(*apply, "--server-side", "--force-conflicts")


async def test_they_are_shown_as_a_real_server_shows_them(kubectl: Kubectl) -> None:
    await kubectl.ok("apply", "-k", str(MANIFESTS / "base"))
    seen = await kubectl.ok("get", "deploy,pdb,netpol,rolebinding", "-n", "fleetdns", "-o", "wide")
    for row in (
        "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
        "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE",
        "NAME POD-SELECTOR AGE",
        "NAME ROLE AGE USERS GROUPS SERVICEACCOUNTS",
    ):
        assert row in " ".join(seen.split())
    assert "0/2" in seen
    assert "fleetdns/fleetdns" in seen
    described = await kubectl.ok("describe", "clusterrole", "fleetdns")
    assert "trafficmanagerprofiles.networking.fleet.azure.com" in described
    assert "FIELD: containers <[]Object>" in await kubectl.ok("explain", "deploy.spec.template.spec.containers")


async def test_rights_are_made_by_command(kubectl: Kubectl, server: HubServer) -> None:
    await kubectl.ok("create", "namespace", "fleet-member-aks-1")
    where = ("-n", "fleet-member-aks-1")
    await kubectl.ok("create", "serviceaccount", "agent", *where)
    await kubectl.ok("create", "role", "agent", "--verb=get,list", "--resource=configmaps", *where)
    account = "--serviceaccount=fleet-member-aks-1:agent"
    await kubectl.ok("create", "rolebinding", "agent", "--role=agent", account, *where)
    await kubectl.ok("create", "clusterrole", "pages", "--verb=get", "--non-resource-url=/metrics")
    await kubectl.ok("create", "clusterrolebinding", "pages", "--clusterrole=pages", account, "--group=all")
    group = "rbac.authorization.k8s.io"
    role = server.hub.get(group, "v1", "roles", "fleet-member-aks-1", "agent")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]
    binding = server.hub.get(group, "v1", "clusterrolebindings", None, "pages")
    assert binding["roleRef"] == {"apiGroup": group, "kind": "ClusterRole", "name": "pages"}
    assert [subject["kind"] for subject in binding["subjects"]] == ["Group", "ServiceAccount"]


async def test_an_unknown_field_of_a_deployment_is_refused(kubectl: Kubectl) -> None:
    selector = {"matchLabels": {"a": "b"}}
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "main", "image": "app"}]}}
    spec = {"selector": selector, "template": pod, "replica": 3}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "app"}, "spec": spec}
    assert 'unknown field "spec.replica"' in await kubectl.refused("apply", "-f", "-", document=body)
