"""`fleetdns member-kubeconfig` on a real hub: what it prints works, and what is missing it says in one sentence."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest
import yaml

from fleetdns import cli
from fleetdns.core.tokenlife import life_of
from fleetdns.emulator.hub.kubeconfig import write_kubeconfig
from fleetdns.kube import config
from fleetdns.kube.config import load
from fleetdns.kube.transport import Transport
from tests.apiserver.deployed import kubectl
from tests.kube.conftest import Calls
from tests.manifests.definitions import MANIFESTS
from tests.members.conftest import Fleet, member_kubeconfig, token_of
from tests.rights.table import EXPORTS, GROUP

pytestmark = [pytest.mark.realapi, pytest.mark.long]


def test_kubectl_works_with_it_and_in_its_namespace(fleet: Fleet) -> None:
    file = fleet.members["aks-1"]

    assert "system:serviceaccount:fleet-member-aks-1:fleetdns-member" in kubectl(file, "auth", "whoami")
    assert kubectl(file, "get", "internalsvcexport", "-o", "name") == ""


async def test_fleetdns_works_with_it(fleet: Fleet) -> None:
    connection = await load(str(fleet.members["aks-1"]))
    async with Transport(connection, observer=Calls()) as transport:
        path = f"/apis/{GROUP}/v1alpha1/namespaces/fleet-member-aks-1/{EXPORTS}"
        assert json.loads(await transport.get(path))["kind"] == "InternalServiceExportList"
    assert await connection.token() == token_of(fleet.members["aks-1"])


def test_the_token_lives_as_long_as_was_asked(fleet: Fleet) -> None:
    printed, said = member_kubeconfig(fleet.administrator, "aks-1", "--ttl=90m")
    (user,) = yaml.safe_load(printed)["users"]
    life = life_of(user["user"]["token"])

    assert said == ""
    assert life is not None
    assert life.seconds == 90 * 60


def test_a_shorter_life_than_was_asked_for_is_told_beside_the_kubeconfig(fleet: Fleet) -> None:
    printed, said = member_kubeconfig(fleet.administrator, "aks-1")

    assert yaml.safe_load(printed)["kind"] == "Config"
    assert said == "fleetdns: the hub gives this token for 2h instead of 7d; the agent renews it at half of that\n"


def test_another_address_of_the_hub_is_printed_and_its_authority_kept(fleet: Fleet) -> None:
    printed, _ = member_kubeconfig(fleet.administrator, "aks-1", "--server=https://hub.example:6443", "--ttl=1h")
    (cluster,) = yaml.safe_load(printed)["clusters"]

    assert cluster["cluster"]["server"] == "https://hub.example:6443"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == fleet.server.ca_pem


def failure(administrator: Path, *arguments: str) -> str:
    printed, said = member_kubeconfig(administrator, *arguments, code=1)
    (line,) = said.splitlines()

    assert printed == ""
    return line


def test_a_namespace_that_is_missing_is_named_with_what_to_apply(fleet: Fleet) -> None:
    line = failure(fleet.administrator, "gone")

    assert "no namespace fleet-member-gone" in line
    assert fleet.server.url in line, "an administrator has many contexts"
    assert "apply manifests/base/member" in line


def test_an_account_that_is_missing_is_named_with_what_to_apply(fleet: Fleet) -> None:
    line = failure(fleet.administrator, "any", "--hub-namespace=default")

    assert "namespace default has no ServiceAccount fleetdns-member" in line
    assert "apply manifests/base/member" in line


def test_rights_that_are_missing_are_named_with_what_to_apply(fleet: Fleet, tmp_path: Path) -> None:
    documents = list(yaml.safe_load_all((MANIFESTS / "samples/members/aks-1.yaml").read_text()))
    half = [document for document in documents if document["kind"] in ("Namespace", "ServiceAccount")]
    file = tmp_path / "half.yaml"
    file.write_text(yaml.safe_dump_all(half).replace("fleet-member-aks-1", "fleet-member-half"))
    kubectl(fleet.administrator, "apply", "-f", str(file))
    line = failure(fleet.administrator, "half")

    assert "ServiceAccount fleet-member-half/fleetdns-member may not create internalserviceexports" in line
    assert "apply manifests/base/member" in line


def test_who_may_not_give_tokens_is_told_so(fleet: Fleet) -> None:
    line = failure(fleet.members["aks-1"], "aks-2")

    assert 'cannot create resource "serviceaccounts/token"' in line
    assert "fleet-member-aks-2" in line


def test_a_member_can_have_a_token_for_itself(fleet: Fleet) -> None:
    """Which is how it renews it."""
    printed, _ = member_kubeconfig(fleet.members["aks-1"], "aks-1", "--ttl=10m")

    assert yaml.safe_load(printed)["kind"] == "Config"


async def test_a_pod_must_be_told_the_address_that_others_have_of_the_hub(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host, port = fleet.server.url.removeprefix("https://").split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    for name in ("KUBECONFIG", "HOME", "FLEETDNS_KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text(fleet.server.token)
    (tmp_path / "ca.crt").write_bytes(fleet.server.ca_pem)
    monkeypatch.setattr(config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))

    assert await asyncio.to_thread(cli.main, ["member-kubeconfig", "aks-1", "--ttl=1h"]) == 2
    told = capsys.readouterr()
    assert (told.out, "--server" in told.err) == ("", True)
    address = "--server=https://hub.example"
    assert await asyncio.to_thread(cli.main, ["member-kubeconfig", "aks-1", "--ttl=1h", address]) == 0
    (cluster,) = yaml.safe_load(capsys.readouterr().out)["clusters"]
    assert cluster["cluster"]["server"] == "https://hub.example"
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]) == fleet.server.ca_pem


def test_a_hub_that_does_not_answer_is_a_failure(fleet: Fleet, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    write_kubeconfig(file, fleet.server.kubeconfig().replace(fleet.server.url, "https://127.0.0.1:1"))

    line = failure(file, "aks-1")
    assert "cannot be reached" in line
    assert "https://127.0.0.1:1" in line
    assert "context" in line


def test_nothing_of_the_administrator_s_is_in_it(fleet: Fleet) -> None:
    text = fleet.members["aks-1"].read_text()

    assert fleet.server.token not in text
    assert yaml.safe_load(text)["users"] == [
        {"name": "fleetdns-hub", "user": {"token": token_of(fleet.members["aks-1"])}}
    ]
