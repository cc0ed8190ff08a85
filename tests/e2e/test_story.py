"""The demo's whole story, told on a real API server: the real controller, from definitions that are not served yet."""

from __future__ import annotations

import io

import pytest

from fleetdns.demo.narrator import Narrator
from fleetdns.demo.story import Story
from fleetdns.demo.world import World, controller, install
from tests.e2e.conftest import on_real
from tests.e2e.lease import lease_namespace
from tests.e2e.site import Site, at_work

pytestmark = pytest.mark.e2e


# On the embedded hub the same story is `fleetdns demo` itself, which has a test of its own.
@pytest.mark.long
@on_real
async def test_the_whole_story_comes_true_on_a_real_api_server(bare: World, site: Site) -> None:
    narrator = Narrator(io.StringIO())
    await install(bare)
    async with controller(bare, f"--leader-election-namespace={lease_namespace(bare)}"):
        # The definitions are not served yet: the controller meets 404 and 429, and comes through by itself.
        await at_work(site.server)
        await Story(bare, narrator).whole()
    # A claim that did not come true would have ended the story with StepFailed.
    assert narrator.checks > narrator.steps > 10
