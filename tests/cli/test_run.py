"""`fleetdns run` around its work: signals, the exit code, and errors from inside a group."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from fleetdns import log
from fleetdns.commands.run import run
from fleetdns.errors import Forbidden, UsageError
from fleetdns.settings import Settings, parse

SETTINGS = parse(["--subscription-id=00000000-0000-0000-0000-000000000000", "--log-format=json"], {})


@pytest.fixture(autouse=True)
def _signals_as_before(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    log.configure("info", "json", stream=sys.__stderr__)  # the captured stream ends with the test


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_work_finish_and_the_exit_code_is_0(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    async def work(settings: Settings, *, stop: asyncio.Event) -> None:
        os.kill(os.getpid(), number)
        await stop.wait()
        await asyncio.sleep(0)
        done.append("drained")

    assert run(SETTINGS, work) == 0
    assert done == ["drained"]
    assert f'"signal": "{number.name}"' in capsys.readouterr().err


_HUNG = """
import asyncio, sys, time
from fleetdns.commands.run import run
from fleetdns.settings import parse

async def work(settings, *, stop):
    print("up", flush=True)
    await stop.wait()
    print("draining", flush=True)
    time.sleep(60)

run(parse(["--subscription-id=00000000-0000-0000-0000-000000000000"], {}), work)
"""


def test_a_second_signal_ends_a_process_whose_drain_hangs() -> None:
    with subprocess.Popen([sys.executable, "-c", _HUNG], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "draining\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == -signal.SIGTERM


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(UsageError("give another port"), id="what the user can mend"),
        pytest.param(Forbidden("AuthorizationFailed", "no right to list"), id="what somebody outside refused"),
    ],
)
@pytest.mark.parametrize("is_grouped", [False, True], ids=["bare", "from inside groups"])
def test_an_error_with_a_sentence_comes_out_as_itself(error: Exception, is_grouped: bool) -> None:
    async def work(settings: Settings, *, stop: asyncio.Event) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("inner", [error])]) if is_grouped else error

    with pytest.raises(type(error)) as raised:
        run(SETTINGS, work)
    assert raised.value is error


def test_a_bug_beside_an_error_with_a_sentence_is_not_hidden() -> None:
    async def work(settings: Settings, *, stop: asyncio.Event) -> None:
        raise ExceptionGroup("tasks", [UsageError("give another port"), ZeroDivisionError()])

    with pytest.raises(ExceptionGroup):
        run(SETTINGS, work)
