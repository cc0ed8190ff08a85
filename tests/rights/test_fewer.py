"""Who does without a part of fleetdns needs fewer rights: what docs/rights.md says of that is true."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from fleetdns.demo.members import NAMESPACE
from tests.rights.conftest import Deployment
from tests.rights.controller import Controller, controller
from tests.rights.grants import Right, give, take_from
from tests.rights.story import LEASE, Story
from tests.rights.table import BACKENDS, EXPORTS, IMPORTS, OVERRIDES, PROFILES

pytestmark = [pytest.mark.realapi, pytest.mark.long]


@pytest.fixture
async def in_work(deployment: Deployment) -> AsyncIterator[Deployment]:
    """Its rights in the namespace of the story are taken at the end."""
    yield deployment
    await take_from(deployment.world.cluster, deployment.account, NAMESPACE)


async def without(deployment: Deployment, is_left_out: Callable[[Right], bool]) -> None:
    rights = [right for right in deployment.granted if not is_left_out(right)]
    assert len(rights) < len(deployment.granted)
    await give(deployment.world.cluster, deployment.account, rights)


async def nothing_is_refused(running: Controller) -> None:
    assert 'rest_client_requests_total{code="403"' not in await running.metrics()


async def test_with_a_hub_id_kube_system_is_not_read(deployment: Deployment, tmp_path: Path) -> None:
    await without(deployment, lambda right: right.name == "kube-system")
    async with controller(deployment.world, tmp_path, "--hub-id=mine") as running:
        await Story(deployment.world, running).whole()
        await nothing_is_refused(running)


async def test_a_single_replica_needs_no_lease(deployment: Deployment, tmp_path: Path) -> None:
    await without(deployment, lambda right: right.resource == "leases")
    async with controller(deployment.world, tmp_path, "--leader-elect=false") as running:
        await Story(deployment.world, running, lease=None).whole()
        await nothing_is_refused(running)


async def test_who_leaves_imports_and_overrides_to_others_writes_no_import_and_no_export(
    deployment: Deployment, tmp_path: Path
) -> None:
    def is_left_out(right: Right) -> bool:
        return right.verb in ("create", "delete", "patch") and right.resource.partition("/")[0] in (IMPORTS, EXPORTS)

    await without(deployment, is_left_out)
    async with controller(deployment.world, tmp_path, "--resolve-exports=false", "--resource-overrides=off") as running:
        await Story(deployment.world, running).with_imports_of_others()
        await nothing_is_refused(running)


async def test_in_one_namespace_the_rights_outside_of_it_are_not_missed(in_work: Deployment, tmp_path: Path) -> None:
    def there(right: Right) -> Right:
        is_its = right.resource.partition("/")[0] in (PROFILES, BACKENDS, IMPORTS, OVERRIDES, "events")
        named = right._replace(name=f"fleetdns-{NAMESPACE}") if right.resource == "leases" and right.name else right
        return named._replace(namespace=NAMESPACE) if is_its else named

    await give(in_work.world.cluster, in_work.account, map(there, in_work.granted))
    async with controller(in_work.world, tmp_path, f"--namespace={NAMESPACE}") as running:
        await Story(in_work.world, running, lease=f"{LEASE}-{NAMESPACE}").whole()
        await nothing_is_refused(running)
    await in_work.world.cluster._send("DELETE", f"{LEASE}-{NAMESPACE}")
