"""`make demo` as a user runs it: a process of its own, its exit code and its last words."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fleetdns import demo
from fleetdns.demo.narrator import Narrator
from fleetdns.demo.story import Story

pytestmark = pytest.mark.e2e


def test_the_demo_tells_its_whole_story_and_ends_with_0() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fleetdns", "demo", "--once"], capture_output=True, text=True, timeout=55, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "16 steps, " in done.stdout
    assert "all true" in done.stdout
    assert "azure     LIST profile -> 200, GET profile -> 404, PUT profile -> 201" in done.stdout
    assert "endpoint fleet-" in done.stdout
    assert "weight put back (weight 777 -> 45)" in done.stdout


def test_sigterm_in_the_middle_of_the_story_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "fleetdns", "demo"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        while "true" not in process.stdout.readline():
            assert process.poll() is None
        assert list(tmp_path.iterdir()) != []
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_does_not_come_true_ends_the_demo_with_1_and_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def impossible(self: Story) -> None:
        narrator: Narrator = self._tell
        narrator.step("Water runs uphill")
        await narrator.until("water is up", _down, lambda seen: seen == "up", within=0.1)

    async def _down() -> str:
        await asyncio.sleep(0)
        return "down"

    monkeypatch.setattr(Story, "whole", impossible)
    assert demo.run(once=True) == 1
    told = capsys.readouterr().out
    assert "FAILED: step 1 (Water runs uphill): not true that water is up" in told
    assert "seen: down" in told
