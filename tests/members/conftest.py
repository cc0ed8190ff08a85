"""A real API server as the hub of three member clusters, each with the credentials that the command prints for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from fleetdns.demo.kubernetes import Cluster
from tests.apiserver.build import Binaries
from tests.apiserver.deployed import deployed, kubectl
from tests.apiserver.fixtures import binaries, pytest_collection_finish
from tests.apiserver.server import RealAPIServer
from tests.manifests.definitions import MANIFESTS
from tests.rights.conftest import Hub, deployment, rights

__all__ = ["binaries", "deployment", "pytest_collection_finish", "rights"]

MEMBERS = ("aks-1", "aks-2", "aks-3")
LONGEST = "2h"  # what this server gives at most


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hub, its administrator, and a kubeconfig for each member."""

    server: RealAPIServer
    administrator: Path
    members: Mapping[str, Path]


def member_kubeconfig(administrator: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What `fleetdns member-kubeconfig` prints on stdout and stderr; it has to end with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "fleetdns", "member-kubeconfig", *arguments],
        capture_output=True,
        text=True,
        timeout=50,
        env={"PATH": "/usr/bin:/bin", "KUBECONFIG": str(administrator)},
        cwd=MANIFESTS.parent,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def token_of(file: Path) -> str:
    (user,) = yaml.safe_load(file.read_text())["users"]
    return str(user["user"]["token"])


@pytest.fixture(scope="session")
def hub(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """With our kinds, the controller's rights and the agent's own, which gives tokens for two hours at most."""
    server = RealAPIServer(
        binaries,
        tmp_path_factory.mktemp("apiserver"),
        arguments=[f"--service-account-max-token-expiration={LONGEST}"],
    )
    server.start()
    folder = tmp_path_factory.mktemp("deployed")
    yield Hub(server, deployed(server, folder))
    server.stop()


@pytest.fixture(scope="session")
def fleet(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    folder = tmp_path_factory.mktemp("fleet")
    administrator = folder / "administrator"
    hub.server.write_kubeconfig(administrator)
    members = {}
    for name in MEMBERS:
        kubectl(administrator, "apply", "-f", str(MANIFESTS / f"samples/members/{name}.yaml"))
        members[name] = folder / f"{name}.kubeconfig"
        printed, said = member_kubeconfig(administrator, name, "--ttl=1h")
        assert said == ""
        members[name].write_text(printed)
    return Fleet(hub.server, administrator, members)


@pytest.fixture
async def accounts(fleet: Fleet) -> AsyncIterator[Mapping[str, Cluster]]:
    """Who asks the hub in each member's name."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(
                Cluster(fleet.server.url, ca_pem=fleet.server.ca_pem.decode(), token=token_of(file))
            )
            for name, file in fleet.members.items()
        }


@pytest.fixture
async def administrator(fleet: Fleet) -> AsyncIterator[Cluster]:
    async with Cluster(fleet.server.url, ca_pem=fleet.server.ca_pem.decode(), token=fleet.server.token) as cluster:
        yield cluster
