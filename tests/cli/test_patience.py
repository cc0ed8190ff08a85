"""What is waited for is said when it takes long and somebody sits there, and never otherwise."""

from __future__ import annotations

import asyncio
import time

import pytest

from fleetdns.commands.patience import Patience


async def said(stderr: pytest.CaptureFixture[str]) -> str:
    """What comes within some seconds."""
    deadline, text = time.monotonic() + 20, ""
    while not text and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
        text = stderr.readouterr().err
    return text


async def test_a_long_wait_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Patience(is_watched=True, quiet=0.01)("Azure's list"):
        assert await said(capsys) == "fleetdns: waiting for Azure's list\n"
    await asyncio.sleep(0.05)
    assert capsys.readouterr().err == ""


async def test_what_ends_soon_is_not_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    with Patience(is_watched=True, quiet=0.05)("Azure's list"):
        pass
    await asyncio.sleep(0.2)
    assert capsys.readouterr().err == ""


async def test_nobody_is_told_where_nobody_sits(capsys: pytest.CaptureFixture[str]) -> None:
    with Patience(is_watched=False, quiet=0.0)("Azure's list"):
        await asyncio.sleep(0.05)
    assert capsys.readouterr().err == ""


async def test_a_failure_ends_the_waiting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TimeoutError), Patience(is_watched=True, quiet=0.05)("Azure's list"):
        raise TimeoutError
    await asyncio.sleep(0.2)
    assert capsys.readouterr().err == ""
