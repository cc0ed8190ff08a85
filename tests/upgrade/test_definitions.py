"""Fleet's definitions with objects in them, replaced by ours in place, and ours replaced by Fleet's again."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from tests.contract.client import API
from tests.contract.samples import CRDS, DEFINITIONS
from tests.upgrade.definitions import GROUP, LABELS, first_definitions, fleet_definitions
from tests.upgrade.hub import VERSIONS, Hub, without_defaults
from tests.upgrade.left import AZURE, fleets_objects
from tests.upgrade.objects import (
    PROFILE_FINALIZER,
    condition,
    export,
    profile,
)

pytestmark = pytest.mark.long

Object = dict[str, Any]


async def definition(api: API, plural: str) -> Object:
    return dict((await api.get(f"{DEFINITIONS}/{plural}.{GROUP}")).body)


async def test_a_plain_apply_replaces_fleets_definitions(hub: Hub) -> None:
    said = await hub.upgrade_by_kubectl()
    assert said.count(f".{GROUP} configured") == 5
    for plural, versions in VERSIONS.items():
        now = await definition(hub.api, plural)
        assert [version["name"] for version in now["spec"]["versions"]] == list(versions)
        assert now["status"]["storedVersions"] == [versions[-1]]
        conditions = {one["type"]: one["status"] for one in now["status"]["conditions"]}
        assert (conditions["NamesAccepted"], conditions["Established"]) == ("True", "True")
    assert "unchanged" in await hub.kubectl("apply", "-k", str(CRDS))
    # What marks them as Fleet's is no part of ours, and stays until it is taken away.
    assert (await definition(hub.api, "serviceimports"))["metadata"]["labels"] == LABELS
    names = [f"crd/{plural}.{GROUP}" for plural in VERSIONS]
    await hub.kubectl("label", *names, *(f"{label}-" for label in LABELS))
    for plural in VERSIONS:
        assert not (await definition(hub.api, plural))["metadata"].get("labels")


async def test_a_server_side_apply_asks_before_it_takes_what_fleets_installer_wrote(hub: Hub) -> None:
    refused = await hub.kubectl("apply", "--server-side", "-k", str(CRDS), code=1)
    assert 'conflict with "net-crd-installer" using apiextensions.k8s.io/v1: .spec.versions' in refused
    await hub.upgrade_by_kubectl("--server-side", "--force-conflicts")
    assert "serverside-applied" in await hub.kubectl("apply", "--server-side", "-k", str(CRDS))


async def test_every_object_is_read_as_before_in_each_version_and_shown_in_our_columns(hub: Hub) -> None:
    for obj in fleets_objects():
        await hub.create(obj)
    before = [await hub.read(obj, version) for obj in fleets_objects() for version in hub.versions(obj)]
    await hub.upgrade_by_kubectl()
    after = [await hub.read(obj, version) for obj in fleets_objects() for version in hub.versions(obj)]
    assert [without_defaults(obj) for obj in after] == before
    table = (await hub.kubectl("get", "tmp", "-n", "work")).splitlines()
    assert table[0].split() == ["NAME", "DNS-NAME", "IS-PROGRAMMED", "HEALTHY", "ENDPOINTS", "AGE"]
    assert table[1].split()[:3] == ["shop", "work-shop.trafficmanager.net", "True"]


async def test_every_object_takes_labels_finalizers_and_status_as_before(hub: Hub) -> None:
    for obj in fleets_objects():
        await hub.create(obj)
    await hub.upgrade()
    for obj in fleets_objects():
        before = await hub.read(obj)
        for version in hub.versions(obj):
            labelled = await hub.patch(obj, {"metadata": {"labels": {version: "seen"}}}, version=version)
            assert (labelled.code, labelled.headers.getall("Warning", [])) == (200, [])
        finalizers = [*before["metadata"].get("finalizers", ()), f"{GROUP}/another"]
        assert (await hub.patch(obj, {"metadata": {"finalizers": finalizers}})).code == 200
        if obj["kind"] != "ServiceImport":
            told = [*before.get("status", {}).get("conditions", []), condition("Ready", "True", "Programmed")]
            await hub.patch_status(obj, {"conditions": told})
            assert (await hub.read(obj))["status"] == before.get("status", {}) | {"conditions": told}
        after = await hub.read(obj)
        assert after["metadata"]["finalizers"] == finalizers
        assert without_defaults(after).get("spec") == without_defaults(before).get("spec")


async def test_users_change_what_they_could_change_and_nothing_else(hub: Hub) -> None:
    shop, _, app, *_ = fleets_objects()
    await hub.create(shop)
    await hub.create(app)
    await hub.upgrade()
    assert (await hub.patch(app, {"spec": {"weight": 250}}, version="v1alpha1")).code == 200
    assert (await hub.patch(shop, {"spec": {"monitorConfig": {"path": "/ready"}}})).code == 200
    assert (await hub.patch(shop, {"spec": {"dnsConfig": {"ttl": 30}}})).code == 200
    for obj, spec, message in (
        (shop, {"resourceGroup": "other"}, "resourceGroup is immutable"),
        (shop, {"resourceGroup": None}, "resourceGroup is immutable and cannot be removed"),
        (
            shop,
            {"dnsConfig": {"relativeName": "shop"}},
            "dnsConfig.relativeName is immutable once status.dnsName is set",
        ),
        (app, {"profile": {"name": "other"}}, "spec.profile is immutable"),
        (app, {"backend": {"name": "other"}}, "spec.backend is immutable"),
    ):
        reply = await hub.patch(obj, {"spec": spec})
        assert reply.code == 422
        assert any(said.endswith(message) for _, said in reply.causes)


@pytest.mark.parametrize("arguments", [(), ("--server-side",)], ids=["plain", "server-side"])
async def test_a_users_manifest_is_applied_again_as_if_nothing_had_happened(
    hub: Hub, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Of the headers Fleet's schema has one owner, and ours one for each name."""
    manifest = tmp_path / "profile.yaml"
    headers = [{"name": "Host", "value": "a.example.com"}, {"name": "X-Probe", "value": "1"}]
    shop = profile("shop", version="v1alpha1", path="/healthz", customHeaders=headers)
    manifest.write_text(json.dumps(shop))
    await hub.kubectl("apply", *arguments, "-f", str(manifest))
    before = await hub.read(shop)
    await hub.upgrade()
    await hub.kubectl("apply", *arguments, "-f", str(manifest))
    assert without_defaults(await hub.read(shop))["spec"] == before["spec"]
    headers[1:] = [{"name": "X-Probe", "value": "2"}]
    manifest.write_text(json.dumps(shop))
    await hub.kubectl("apply", *arguments, "-f", str(manifest))
    assert (await hub.read(shop))["spec"]["monitorConfig"]["customHeaders"] == headers
    headers.pop()
    manifest.write_text(json.dumps(shop))
    await hub.kubectl("apply", *arguments, "-f", str(manifest))
    assert (await hub.read(shop))["spec"]["monitorConfig"]["customHeaders"] == headers


TIMEOUT = "timeoutInSeconds must be between 5 and 9 when intervalInSeconds is 10"
PATH = "path must not be set when protocol is TCP"
TWO_HOSTS = [{"name": "Host", "value": "a.example.com"}, {"name": "Host", "value": "b.example.com"}]

LOOSE: list[tuple[Object, Object, str]] = [  # a profile, what mends its monitorConfig, and what is said until then
    (
        profile("late", version="v1alpha1", intervalInSeconds=10, timeoutInSeconds=10),  # v1beta1 did not take it
        {"timeoutInSeconds": 9},
        TIMEOUT,
    ),
    (profile("tcp", protocol="TCP", path="/healthz"), {"path": None}, PATH),
    (profile("no-port", port=70000), {"port": 443}, ""),
    (profile("long-path", path=f"/{'x' * 3000}"), {"path": "/"}, ""),
    (profile("two-hosts", customHeaders=TWO_HOSTS), {"customHeaders": TWO_HOSTS[:1]}, ""),
]


async def test_values_that_only_fleet_takes_stay_and_say_what_is_wrong(hub: Hub) -> None:
    for loose, _, _ in LOOSE:
        await hub.create(loose)
    before = [await hub.read(loose, version) for loose, _, _ in LOOSE for version in hub.versions(loose)]
    await hub.upgrade()
    after = [await hub.read(loose, version) for loose, _, _ in LOOSE for version in hub.versions(loose)]
    assert [without_defaults(obj) for obj in after] == before
    for loose, _, complaint in LOOSE:
        warned = [f'299 - "spec.monitorConfig: Invalid value: {complaint}"'] if complaint else []
        for version in hub.versions(loose):
            for patch in (
                {"metadata": {"labels": {"seen": version}}},
                {"metadata": {"finalizers": [PROFILE_FINALIZER, f"{GROUP}/{version}"]}},
                {"spec": {"dnsConfig": {"ttl": 30 if version == "v1beta1" else 20}}},
            ):
                reply = await hub.patch(loose, patch, version=version)
                assert (reply.code, reply.headers.getall("Warning", [])) == (200, warned), loose
        await hub.patch_status(loose, {"conditions": [condition("Programmed", "False", "Invalid")]})


async def test_values_that_only_fleet_takes_can_be_mended_and_not_made_worse(hub: Hub) -> None:
    for loose, _, _ in LOOSE:
        await hub.create(loose)
    await hub.upgrade()
    for loose, mended, complaint in LOOSE:
        beside_it = await hub.patch(loose, {"spec": {"monitorConfig": {"toleratedNumberOfFailures": 5}}})
        assert beside_it.code == (422 if complaint else 200), loose
        if complaint:
            assert beside_it.causes == [("spec.monitorConfig", f"Invalid value: {complaint}")]
        reply = await hub.patch(loose, {"spec": {"monitorConfig": mended}})
        assert (reply.code, reply.headers.getall("Warning", [])) == (200, []), loose
        again = copy.deepcopy(loose["spec"]["monitorConfig"])
        assert (await hub.patch(loose, {"spec": {"monitorConfig": again}})).code == 422, loose


async def test_what_fleets_front_door_needs_of_an_export_stays(hub: Hub) -> None:
    """Fleet's newest agents tell the hub in an export which way its traffic goes."""
    private = export("aks-1", "app", weight=1)
    private["spec"] |= {"exportMode": "L7-FrontDoor", "privateLinkServiceResourceID": f"{AZURE}/link"}
    await hub.create(private)
    await hub.upgrade()
    await hub.patch(private, {"spec": {"weight": 2}})
    assert (await hub.read(private))["spec"] == private["spec"] | {"weight": 2}


async def test_the_way_back_loses_our_fields_and_nothing_of_fleets(hub: Hub) -> None:
    for obj in fleets_objects():
        await hub.create(obj)
    before = [await hub.read(obj, version) for obj in fleets_objects() for version in hub.versions(obj)]
    await hub.upgrade_by_kubectl()
    shop, _, app, *_ = fleets_objects()
    await hub.patch(shop, {"spec": {"dnsConfig": {"ttl": 30}, "deletionPolicy": "Retain"}})
    await hub.patch(shop, {"metadata": {"annotations": {"fleetdns.io/paused": "false"}}})
    more = {"monitorStatus": "Online", "observedGeneration": 2, "endpoints": {"total": 2, "online": 2, "degraded": 0}}
    await hub.patch_status(shop, more)
    await hub.patch_status(app, {"endpointCount": 2, "rejected": [{"cluster": "aks-3", "reason": "DNSLabelMissing"}]})
    await hub.install()
    for obj in fleets_objects():
        await hub.patch(obj, {"metadata": {"labels": {"written": "again"}}})
    after = [await hub.read(obj, version) for obj in fleets_objects() for version in hub.versions(obj)]
    for was, now in zip(before, after, strict=True):
        assert now.get("spec") == was.get("spec")
        assert now.get("status") == was.get("status")
        assert now["metadata"].get("finalizers") == was["metadata"].get("finalizers")
    assert (await hub.read(shop))["metadata"]["annotations"] == {"fleetdns.io/paused": "false"}


async def test_a_profile_of_ours_without_a_group_can_be_given_one_before_fleet_starts_again(hub: Hub) -> None:
    await hub.upgrade()
    new = profile("new", group=None)
    new["status"] = {"dnsName": "work-new.trafficmanager.net", "resourceID": f"{AZURE}/fleet-0c4f"}
    await hub.create(new)
    await hub.install()
    assert (await hub.patch(new, {"metadata": {"labels": {"a": "b"}}})).code == 200
    assert (await hub.patch(new, {"spec": {"monitorConfig": {"port": 8080}}})).code == 422
    assert (await hub.patch(new, {"spec": {"resourceGroup": "fleet-dns"}})).code == 200
    assert (await hub.patch(new, {"spec": {"monitorConfig": {"port": 8080}}})).code == 200


async def test_there_and_back_and_there_again_is_taken_each_time(hub: Hub) -> None:
    shop = fleets_objects()[0]
    await hub.create(shop)
    first = await hub.read(shop)
    await hub.upgrade_by_kubectl()
    await hub.install()
    await hub.upgrade_by_kubectl()
    assert without_defaults(await hub.read(shop)) == first
    installed = {d["metadata"]["name"] for d in fleet_definitions()}
    listed = await hub.api.get(DEFINITIONS)
    assert {name for name in listed.names if name.endswith(GROUP)} == installed


# The last, since it makes definitions anew, and a real server holds back creates for two seconds after that.
async def test_objects_older_than_the_resource_group_survive_two_upgrades(hub: Hub) -> None:
    """The product's first definitions had v1alpha1 only and no resourceGroup; both versions stay stored."""
    old = profile("myatm", group=None, version="v1alpha1", protocol="HTTP", path="/", port=8080)
    old["status"] = {"dnsName": "work-myatm.trafficmanager.net", "conditions": []}
    await hub.reinstall(first_definitions())
    # Applied: a real server holds back each create of a kind that is not yet 2 s old.
    assert (await hub.api.apply(hub.path(old), old, manager="kubectl")).code == 201
    await hub.patch_status(old, old["status"])
    await hub.install()
    await hub.upgrade()
    assert (await definition(hub.api, "trafficmanagerprofiles"))["status"]["storedVersions"] == ["v1alpha1", "v1beta1"]
    for version in hub.versions(old):
        found = await hub.read(old, version)
        assert found["spec"]["monitorConfig"]["port"] == 8080
        listed = await hub.api.get(hub.path(old, version=version, named=False))
        assert [item["apiVersion"] for item in listed.body["items"]] == [f"{GROUP}/{version}"]
        assert found["status"] == {"dnsName": "work-myatm.trafficmanager.net", "conditions": []}
        assert (await hub.patch(old, {"metadata": {"labels": {"seen": version}}}, version=version)).code == 200
    assert (await hub.patch(old, {"spec": {"monitorConfig": {"port": 80}}})).code == 200
    await hub.patch_status(old, {"resourceID": f"{AZURE}/fleet-0c4f"})
    late = await hub.patch(old, {"spec": {"resourceGroup": "fleet-dns"}})
    assert [said for _, said in late.causes] == [
        "Invalid value: resourceGroup cannot be added once status.resourceID is set"
    ]
