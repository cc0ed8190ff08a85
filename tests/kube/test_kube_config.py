"""Where the API server is found, and what is said when it is not."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest

from fleetdns.emulator.hub.server import HubServer
from fleetdns.emulator.hub.tls import make_identity
from fleetdns.errors import UsageError
from fleetdns.kube import config
from fleetdns.kube.config import load
from fleetdns.kube.transport import Transport
from tests.kube.conftest import Calls, kubeconfig

SERVER = "http://127.0.0.1:1"


def written(path: Path, change: Any) -> str:
    """A good kubeconfig with `change` applied to its content."""
    file = kubeconfig(path, server=SERVER)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return file


def without(name: str) -> Any:
    return lambda content: content.pop(name)


def with_cluster(**fields: Any) -> Any:
    return lambda content: content["clusters"][0]["cluster"].update(fields)


def with_user(**fields: Any) -> Any:
    return lambda content: content["users"][0].update(user=fields)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(without("current-context"), id="no current context"),
        pytest.param(without("contexts"), id="no contexts"),
        pytest.param(without("clusters"), id="no clusters"),
        pytest.param(lambda content: content.update({"current-context": "gone"}), id="a context that is not there"),
        pytest.param(lambda content: content.update(contexts=[{"name": "here"}]), id="a context of nothing"),
        pytest.param(lambda content: content.update(contexts="here"), id="contexts that are a word"),
        pytest.param(lambda content: content.update(clusters=[{"name": "hub", "cluster": {}}]), id="no server"),
        pytest.param(
            with_cluster(server="https://127.0.0.1:1", **{"certificate-authority": "/nowhere/ca.pem"}),
            id="a certificate authority that is not there",
        ),
        pytest.param(
            with_cluster(server="https://127.0.0.1:1", **{"certificate-authority-data": "bm90IGEgY2VydA=="}),
            id="a certificate authority that is none",
        ),
        pytest.param(
            with_cluster(server="https://127.0.0.1:1", **{"certificate-authority-data": "%%%"}),
            id="a certificate authority that is not base64",
        ),
        pytest.param(with_user(tokenFile="/nowhere/token"), id="a token file that is not there"),
        pytest.param(
            with_user(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere/plugin"}),
            id="a plugin that is not there",
        ),
        pytest.param(with_user(exec={"command": "true"}), id="a plugin without a version"),
        pytest.param(
            with_user(exec={"apiVersion": "client.authentication.k8s.io/v1", "command": "false"}),
            id="a plugin that fails",
        ),
    ],
)
async def test_every_fault_of_a_kubeconfig_is_a_usage_error(change: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as failure:
        await load(written(tmp_path / "config", change))
    assert str(tmp_path) in str(failure.value)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a: [", id="not YAML"),
        pytest.param(b"- a", id="a list"),
        pytest.param(b"\xff\xfe\x00", id="not text"),
    ],
)
async def test_a_file_that_is_no_kubeconfig_is_a_usage_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(content)
    with pytest.raises(UsageError):
        await load(str(tmp_path / "config"))


async def test_a_file_that_is_missing_or_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(UsageError):
            await load(str(path))


async def test_a_context_can_be_chosen(tmp_path: Path) -> None:
    file = written(tmp_path / "config", without("current-context"))
    assert (await load(file, "here")).host == SERVER


async def test_of_a_context_that_is_not_there_is_told_which_ones_are(tmp_path: Path) -> None:
    many = [{"name": name, "context": {"cluster": "hub", "user": "us"}} for name in ("there", "here")]
    file = written(tmp_path / "config", lambda content: content.update(contexts=many))
    with pytest.raises(UsageError) as unknown:
        await load(file, "nowhere")
    assert str(unknown.value) == f"the kubeconfig {file} has no context 'nowhere'; it has here, there"
    with pytest.raises(UsageError, match="has no context 'nowhere'; it has none at all"):
        await load(written(tmp_path / "empty", without("contexts")), "nowhere")
    with pytest.raises(UsageError, match="has no current-context; choose one of here"):
        await load(written(tmp_path / "unset", without("current-context")))


async def test_a_context_without_a_kubeconfig_asks_for_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"context 'here' .*give --kubeconfig"):
        await load(None, "here")


async def test_outside_a_pod_and_without_a_kubeconfig_the_flag_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError) as failure:
        await load(None)
    assert "--kubeconfig" in str(failure.value)


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: HubServer) -> Path:
    """The environment of a pod of the embedded hub; the folder its token lies in."""
    host, port = hub.url.removeprefix("https://").split(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    (tmp_path / "token").write_text(hub.token)
    (tmp_path / "ca.crt").write_bytes(hub.ca_pem)
    monkeypatch.setattr(config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    return tmp_path


async def test_a_pod_speaks_to_its_own_cluster(pod: Path, calls: Calls) -> None:
    async with Transport(await load(None), observer=calls) as transport:
        assert json.loads(await transport.get("/api/v1/namespaces"))["kind"] == "NamespaceList"


async def test_a_pod_without_its_token_is_a_usage_error(pod: Path) -> None:
    (pod / "token").unlink()
    with pytest.raises(UsageError):
        await load(None)


@pytest.mark.looptime
async def test_a_token_that_kubernetes_rotates_is_read_again_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("first")
    authority.write_text(ssl.DER_cert_to_PEM_cert(b""))
    monkeypatch.setattr(config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setattr(config, "_tls", lambda configuration, authority: None)
    connection = await load(None)
    token.write_text("second")
    assert await connection.authorization() == "Bearer first"
    await asyncio.sleep(61)
    assert await connection.authorization() == "Bearer second"
    token.unlink()
    await asyncio.sleep(61)
    assert await connection.authorization() == "Bearer second"


def plugin(path: Path, **status: str) -> dict[str, Any]:
    """A credential plugin that gives token-1, token-2, ...: the user section that names it."""
    count = path.with_suffix(".count")
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    answer = json.dumps(credential).replace("TOKEN", "token-$n")
    path.write_text(
        f"#!/bin/sh\nn=$(($(cat {count} 2>/dev/null || echo 0) + 1))\necho $n > {count}\ncat <<END\n{answer}\nEND\n"
    )
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}}


async def test_a_plugins_token_without_an_expiry_lasts_until_it_is_refused(tmp_path: Path) -> None:
    user = plugin(tmp_path / "plugin", token="TOKEN")
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER, user=user))
    assert [await connection.authorization() for _ in range(2)] == ["Bearer token-1"] * 2
    connection.refused("Bearer token-1")
    assert [await connection.authorization() for _ in range(2)] == ["Bearer token-2"] * 2
    connection.refused("Bearer token-1")  # by an answer that took its time
    assert await connection.authorization() == "Bearer token-2"


async def test_a_plugins_token_that_is_refused_before_its_expiry_is_renewed(tmp_path: Path) -> None:
    user = plugin(tmp_path / "plugin", token="TOKEN", expirationTimestamp="2999-01-01T00:00:00Z")
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER, user=user))
    assert await connection.authorization() == "Bearer token-1"
    connection.refused("Bearer token-1")
    assert await connection.authorization() == "Bearer token-2"


async def test_a_certificate_alone_sends_no_token(tmp_path: Path) -> None:
    connection = await load(kubeconfig(tmp_path / "config", server=SERVER, user={"username": "us"}))
    assert await connection.authorization() is None


async def test_whole_secrets_do_not_reach_the_log(tmp_path: Path) -> None:
    await load(kubeconfig(tmp_path / "config", server=SERVER))
    assert logging.getLogger("kubernetes_asyncio.client.rest").level == logging.INFO


async def test_insecure_and_named_servers_are_as_the_kubeconfig_says(tmp_path: Path) -> None:
    named = {"tls-server-name": "hub.example", "proxy-url": "http://proxy:3128", "insecure-skip-tls-verify": True}
    file = written(tmp_path / "config", with_cluster(server="https://127.0.0.1:1", **named))
    connection = await load(file)
    assert connection.tls is not None
    assert connection.tls.verify_mode == ssl.CERT_NONE
    assert (connection.server_hostname, connection.proxy) == ("hub.example", "http://proxy:3128")


async def test_who_asks_by_a_token_of_his_own_shows_no_certificate_of_ours(tmp_path: Path) -> None:
    """The API server would take the certificate's owner for the one who asks, whatever the token says."""
    identity = make_identity("127.0.0.1")
    pem = {"client-certificate-data": identity.certificate, "client-key-data": identity.key}
    user = {name: base64.b64encode(value).decode() for name, value in pem.items()}
    named = {"tls-server-name": "hub.example", "proxy-url": "http://proxy:3128"}
    named["certificate-authority-data"] = base64.b64encode(identity.ca).decode()
    ours = await load(
        written(
            tmp_path / "config",
            lambda content: (with_cluster(server="https://127.0.0.1:1", **named)(content), with_user(**user)(content)),
        )
    )
    theirs = ours.as_bearer("theirs")

    assert ours._configuration.cert_file
    assert not theirs._configuration.cert_file
    assert not theirs._configuration.key_file
    assert await theirs.authorization() == "Bearer theirs"
    assert (theirs.host, theirs.server_hostname, theirs.proxy) == (ours.host, "hub.example", "http://proxy:3128")
    assert theirs.authority == ours.authority == identity.ca.decode()


async def test_several_files_are_joined_and_the_first_is_heard(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    kubeconfig(first, server=SERVER, user={"token": "mine"})
    kubeconfig(second, server="http://127.0.0.1:2", user={"token": "theirs"})
    content = json.loads(second.read_text())
    content["contexts"].append({"name": "there", "context": {"cluster": "far", "user": "us"}})
    content["clusters"].append({"name": "far", "cluster": {"server": "http://127.0.0.1:3"}})
    content["current-context"] = "there"
    second.write_text(json.dumps(content))

    files = f"{first}:{tmp_path / 'gone'}:{second}"
    here, there = await load(files), await load(files, "there")

    assert (here.host, await here.token()) == (SERVER, "mine")
    assert (there.host, await there.token()) == ("http://127.0.0.1:3", "mine")


async def test_several_files_of_which_none_is_there_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as failure:
        await load(f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert "KUBECONFIG" in str(failure.value)


async def test_an_authority_in_the_file_itself_needs_no_file_of_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("read-only file system")

    server = HubServer()
    await server.start()
    server.write_kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    connection = await load(str(tmp_path / "kubeconfig"))
    async with Transport(connection, observer=Calls()) as transport:
        assert b"NamespaceList" in await transport.get("/api/v1/namespaces")
    await server.stop()


async def test_paths_in_a_kubeconfig_are_relative_to_its_folder(tmp_path: Path) -> None:
    server = HubServer()
    await server.start()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(server.ca_pem)
    (folder / "token").write_text(server.token)

    def change(content: Any) -> None:
        with_cluster(**{"server": server.url, "certificate-authority": "ca.pem"})(content)
        with_user(tokenFile="token")(content)

    file = written(folder / "kubeconfig", change)
    async with Transport(await load(file), observer=Calls()) as transport:
        assert b"NamespaceList" in await transport.get("/api/v1/namespaces")
    await server.stop()


@pytest.mark.parametrize("text", [None, "junk: [", "[]"], ids=["not there", "not YAML", "no mapping"])
async def test_a_file_that_is_no_kubeconfig_is_named_and_no_flag_is_blamed(tmp_path: Path, text: str | None) -> None:
    """The agent has two of them, and in a pod neither was given as a flag."""
    file = tmp_path / "hub"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError) as failure:
        await load(str(file))
    assert str(file) in str(failure.value)
    assert "--kubeconfig" not in str(failure.value)
    assert "check" in str(failure.value)
