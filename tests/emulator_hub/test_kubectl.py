"""A real kubectl against the hub: the pinned one, and the one the machine has."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fleetdns.emulator.hub.server import HubServer
from tests.emulator_hub.shops import SHOPS, definition, shop

pytestmark = pytest.mark.kubectl

_PINNED = Path(sys.executable).with_name("kubectl")
_FOUND = shutil.which("kubectl")
_BINARIES = [_PINNED] + ([Path(_FOUND)] if _FOUND and Path(_FOUND).resolve() != _PINNED.resolve() else [])


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


class Kubectl:
    """Runs one binary with a home, a cache and a kubeconfig of its own."""

    def __init__(self, binary: Path, home: Path) -> None:
        self.binary = binary
        self.home = home
        self.environment = {
            "HOME": str(home),
            "KUBECONFIG": str(home / "config"),
            "KUBECACHEDIR": str(home / "cache"),
            "PATH": os.environ.get("PATH", ""),
            "NO_PROXY": "127.0.0.1",
        }

    async def start(self, *words: str, **environment: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            self.binary, *words, stdin=pipe, stdout=pipe, stderr=pipe, env=self.environment | environment
        )

    async def run(self, *words: str, document: Any = None, **environment: str) -> Ran:
        """document is given to stdin as JSON, for `-f -`."""
        process = await self.start(*words, **environment)
        text = json.dumps(document).encode() if document is not None else b""
        out, err = await process.communicate(text)
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def ok(self, *words: str, document: Any = None, **environment: str) -> str:
        """What it printed; it must have succeeded."""
        ran = await self.run(*words, document=document, **environment)
        assert ran.code == 0, f"{words}: {ran.err}"
        return ran.out

    async def refused(self, *words: str, document: Any = None) -> str:
        """What it complained of; it must have failed."""
        ran = await self.run(*words, document=document)
        assert ran.code != 0, f"{words}: {ran.out}"
        return ran.err


@pytest.fixture
def kubectl(server: HubServer, tmp_path: Path) -> Kubectl:
    server.write_kubeconfig(tmp_path / "config")
    return Kubectl(_PINNED, tmp_path)


@pytest.fixture(params=_BINARIES, ids=["pinned", "found"][: len(_BINARIES)])
def any_kubectl(request: pytest.FixtureRequest, server: HubServer, tmp_path: Path) -> Kubectl:
    """For what differs between versions: how discovery, validation, tables and protobuf are asked for."""
    server.write_kubeconfig(tmp_path / "config")
    return Kubectl(request.param, tmp_path)


async def test_the_kubeconfig_is_its_owners_only(kubectl: Kubectl) -> None:
    assert stat.S_IMODE((kubectl.home / "config").stat().st_mode) == 0o600


async def test_a_definition_is_applied_and_waited_for(kubectl: Kubectl, server: HubServer) -> None:
    crd = definition()
    crd["metadata"]["name"] = "barns.ex.io"
    crd["spec"]["names"] = {"plural": "barns", "kind": "Barn"}
    assert "created" in await kubectl.ok("apply", "-f", "-", document=crd)
    assert "condition met" in await kubectl.ok("wait", "--for=condition=Established", "crd/barns.ex.io", "--timeout=5s")
    assert "barns" in await kubectl.ok("api-resources", "--api-group=ex.io")
    assert "No resources found" in (await kubectl.run("get", "barns")).err
    assert "deleted" in await kubectl.ok("delete", "crd", "barns.ex.io")
    assert "barns" not in await kubectl.ok("api-resources", "--api-group=ex.io")


async def test_apply_creates_changes_and_leaves_alone(any_kubectl: Kubectl, server: HubServer) -> None:
    apply = ("apply", "-f", "-")
    assert await any_kubectl.ok(*apply, document=shop(weight=5)) == "shop.ex.io/corner created\n"
    assert await any_kubectl.ok(*apply, document=shop(weight=5)) == "shop.ex.io/corner unchanged\n"
    difference = await any_kubectl.run("diff", "-f", "-", document=shop(weight=7))
    assert difference.code == 1
    assert "-  weight: 5\n+  weight: 7" in difference.out
    assert await any_kubectl.ok(*apply, document=shop(weight=7)) == "shop.ex.io/corner configured\n"
    assert (await any_kubectl.run("diff", "-f", "-", document=shop(weight=7))).code == 0
    assert server.hub.get(*SHOPS, "corner")["spec"]["weight"] == 7


async def test_apply_from_the_servers_side_meets_other_managers(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert await kubectl.ok(*apply, document=shop(weight=5)) == "shop.ex.io/corner serverside-applied\n"
    complaint = await kubectl.refused(*apply, "--field-manager=other", document=shop(weight=6))
    assert 'Apply failed with 1 conflict: conflict with "kubectl": .spec.weight' in complaint
    await kubectl.ok(*apply, "--field-manager=other", "--force-conflicts", document=shop(weight=6))
    managed = await kubectl.ok("get", "shop", "corner", "-o", "json", "--show-managed-fields")
    managers = {entry["manager"] for entry in json.loads(managed)["metadata"]["managedFields"]}
    assert "other" in managers


async def test_wrong_input_is_refused_in_kubernetes_words(kubectl: Kubectl) -> None:
    create = ("create", "-f", "-")
    assert 'strict decoding error: unknown field "spec.colour"' in await kubectl.refused(
        *create, document=shop(colour=1)
    )
    assert (
        'The Shop "corner" is invalid: spec.weight: Invalid value: 1001: spec.weight in body should be less than or '
        "equal to 1000"
    ) in await kubectl.refused(*create, document=shop(weight=1001))
    await kubectl.ok(*create, document=shop(owner="ann"))
    merge = ("patch", "shop", "corner", "--type=merge", "-p", '{"spec":{"owner":"bob"}}')
    assert 'spec.owner: Invalid value: "bob": owner is immutable' in await kubectl.refused(*merge)
    assert 'shops.ex.io "none" not found' in await kubectl.refused("get", "shop", "none")
    assert 'namespaces "away" not found' in await kubectl.refused(*create, "-n", "away", document=shop())


async def test_get_prints_the_columns_of_the_kind(kubectl: Kubectl, server: HubServer) -> None:
    server.hub.create(*SHOPS, shop(weight=5, owner="ann"))
    ready = (
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}',
    )
    await kubectl.ok("patch", "shop", "corner", *ready)
    head, row = (await kubectl.ok("get", "sh")).splitlines()
    assert head.split() == ["NAME", "WEIGHT", "READY", "AGE"]
    assert row.split()[:3] == ["corner", "5", "True"]
    wide = (await kubectl.ok("get", "trade", "-A", "-o", "wide")).splitlines()
    assert wide[0].split() == ["NAMESPACE", "NAME", "WEIGHT", "READY", "OWNER", "AGE"]
    assert "corner" in await kubectl.ok("get", "shops.v1alpha1.ex.io", "-o", "name")
    assert await kubectl.ok("get", "shop", "corner", "-o", "jsonpath={.spec.owner}") == "ann"
    await kubectl.ok("wait", "--for=condition=Ready", "shop/corner", "--timeout=5s")
    await kubectl.ok("wait", "--for=jsonpath={.spec.weight}=5", "shop/corner", "--timeout=5s")


async def test_get_watches(any_kubectl: Kubectl, server: HubServer) -> None:
    server.hub.create(*SHOPS, shop("first"))
    process = await any_kubectl.start("get", "shops", "--watch", "--output-watch-events")
    assert process.stdout is not None
    lines = [(await process.stdout.readline()).split()[:2] for _ in range(2)]
    server.hub.patch(*SHOPS, "first", {"spec": {"weight": 9}})
    server.hub.delete(*SHOPS, "first")
    lines += [(await process.stdout.readline()).split()[:3] for _ in range(2)]
    process.kill()
    await process.communicate()
    assert lines == [
        [b"EVENT", b"NAME"],
        [b"ADDED", b"first"],
        [b"MODIFIED", b"first", b"9"],
        [b"DELETED", b"first", b"9"],
    ]


async def test_patches_labels_and_annotations(kubectl: Kubectl, server: HubServer) -> None:
    server.hub.create(*SHOPS, shop())
    operations = '[{"op":"add","path":"/spec/doors","value":["front"]}]'
    await kubectl.ok("patch", "shop", "corner", "--type=json", "-p", operations)
    await kubectl.ok("label", "shop", "corner", "tier=one")
    await kubectl.ok("annotate", "shop", "corner", "note=closed on Mondays")
    made = server.hub.get(*SHOPS, "corner")
    assert made["spec"]["doors"] == ["front"]
    assert made["metadata"]["labels"] == {"tier": "one"}
    assert made["metadata"]["annotations"] == {"note": "closed on Mondays"}
    assert "corner" in await kubectl.ok("get", "shops", "-l", "tier in (one,two)")
    assert "tier=one" in await kubectl.ok("get", "shops", "--show-labels")
    replaced = await kubectl.ok("replace", "-f", "-", document=made | {"spec": {"weight": 3}})
    assert replaced == "shop.ex.io/corner replaced\n"


async def test_describe_shows_the_object_and_its_events(kubectl: Kubectl, server: HubServer) -> None:
    made = server.hub.create(*SHOPS, shop(owner="ann"))
    event = {
        "metadata": {"name": "corner.1"},
        "involvedObject": {
            "apiVersion": "ex.io/v1beta1",
            "kind": "Shop",
            "namespace": "default",
            "name": "corner",
            "uid": made["metadata"]["uid"],
        },
        "reason": "Opened",
        "message": "doors are open",
        "type": "Normal",
        "count": 1,
        "firstTimestamp": made["metadata"]["creationTimestamp"],
        "lastTimestamp": made["metadata"]["creationTimestamp"],
        "source": {"component": "tester"},
    }
    server.hub.create("", "v1", "events", "default", event)
    described = await kubectl.ok("describe", "shop", "corner")
    assert "Owner:   ann" in described
    assert "Opened" in described.partition("Events:")[2]
    assert "doors are open" in await kubectl.ok("events", "--for", "shop/corner")
    assert "shop/corner" in await kubectl.ok("get", "events")


async def test_explain_tells_the_descriptions(any_kubectl: Kubectl) -> None:
    explained = await any_kubectl.ok("explain", "shop.spec.weight")
    assert "FIELD: weight <integer>" in explained
    assert "Its share of the customers." in explained
    assert "KIND:       Namespace" in await any_kubectl.ok("explain", "namespace")


async def test_edit_writes_what_the_editor_left(kubectl: Kubectl, server: HubServer) -> None:
    server.hub.create(*SHOPS, shop(weight=5))
    editor = kubectl.home / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/weight: 5/weight: 11/" "$1"\n')
    editor.chmod(0o700)
    assert await kubectl.ok("edit", "shop", "corner", EDITOR=str(editor)) == "shop.ex.io/corner edited\n"
    assert server.hub.get(*SHOPS, "corner")["spec"]["weight"] == 11


async def test_delete_waits_for_finalizers(any_kubectl: Kubectl, server: HubServer) -> None:
    held = shop()
    held["metadata"]["finalizers"] = ["ex.io/hold"]
    server.hub.create(*SHOPS, held)
    watch = server.hub.watch(*SHOPS, resource_version=str(server.hub.store.revision))
    marked = asyncio.Event()
    watch.on_event = marked.set
    deletion = await any_kubectl.start("delete", "shop", "corner")
    waiting = await any_kubectl.start("wait", "--for=delete", "shop/corner", "--timeout=10s")
    await marked.wait()
    assert server.hub.get(*SHOPS, "corner")["metadata"]["deletionTimestamp"]
    await any_kubectl.ok("patch", "shop", "corner", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
    assert [await deletion.wait(), await waiting.wait()] == [0, 0]
    for process in (deletion, waiting):
        await process.communicate()
    server.hub.create(*SHOPS, shop("a"))
    server.hub.create(*SHOPS, shop("b"))
    assert (await any_kubectl.ok("delete", "shops", "--all")).count("deleted") == 2


async def test_what_kubectl_makes_itself(any_kubectl: Kubectl, server: HubServer) -> None:
    await any_kubectl.ok("create", "namespace", "work")
    await any_kubectl.ok("create", "configmap", "settings", "-n", "work", "--from-literal=a=b")
    await any_kubectl.ok("create", "secret", "generic", "password", "-n", "work", "--from-literal=user=ann")
    await any_kubectl.ok("create", "serviceaccount", "robot", "-n", "work")
    hub = server.hub
    assert hub.get("", "v1", "configmaps", "work", "settings")["data"] == {"a": "b"}
    assert hub.get("", "v1", "secrets", "work", "password")["data"] == {"user": "YW5u"}
    assert hub.get("", "v1", "serviceaccounts", "work", "robot")
    assert "Active" in await any_kubectl.ok("get", "namespace", "work")
    await any_kubectl.ok("delete", "namespace", "work", "--wait=false")
    assert "Terminating" in await any_kubectl.ok("get", "namespace", "work")
    assert "is being terminated" in await any_kubectl.refused("create", "configmap", "late", "-n", "work")


async def test_rights_and_versions(kubectl: Kubectl) -> None:
    assert await kubectl.ok("auth", "can-i", "create", "shops") == "yes\n"
    assert "fleetdns-admin" in await kubectl.ok("auth", "whoami")
    assert "Server Version: v1.35" in await kubectl.ok("version")
    assert await kubectl.ok("get", "--raw", "/readyz") == "ok"
    assert "customresourcedefinitions" in await kubectl.ok("api-resources")
    assert "ex.io/v1beta1" in await kubectl.ok("api-versions")


async def test_large_lists_come_in_pages(kubectl: Kubectl, server: HubServer) -> None:
    for number in range(25):
        server.hub.create(*SHOPS, shop(f"shop-{number:02}"))
    listed = await kubectl.ok("get", "shops", "--chunk-size=10", "-o", "name")
    assert len(listed.splitlines()) == 25


async def test_tokens_of_accounts_are_created_and_end_with_them(any_kubectl: Kubectl) -> None:
    await any_kubectl.ok("create", "serviceaccount", "agent")
    token = (await any_kubectl.ok("create", "token", "agent", "--duration=10m")).strip()
    assert "system:serviceaccount:default:agent" in await any_kubectl.ok("auth", "whoami", f"--token={token}")
    assert "10 minutes" in await any_kubectl.refused("create", "token", "agent", "--duration=9m")
    await any_kubectl.ok("delete", "serviceaccount", "agent")
    assert "Unauthorized" in await any_kubectl.refused("get", "namespaces", f"--token={token}")
