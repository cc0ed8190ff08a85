"""The command as users meet it: exit codes, one sentence and no traceback, help, and how fast it answers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fleetdns import __version__, cli
from fleetdns.errors import Forbidden, Throttled
from fleetdns.settings.flags import FLAGS
from fleetdns.settings.reports import PLAN_FLAGS

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
HEAVY = ("aiohttp", "azure", "kubernetes_asyncio", "structlog", "prometheus_client", "cryptography", "yaml")


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in FLAGS:
        monkeypatch.delenv(flag.variable, raising=False)


def fleetdns(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fleetdns", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        env={"PATH": "/usr/bin:/bin", **variables},
        cwd=Path(__file__).parents[2],
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((), "COMMAND", id="no command"),
        pytest.param(("fly",), "fly", id="a command that is none"),
        pytest.param(("run",), "--subscription-id", id="no subscription id"),
        pytest.param(("run", f"--subscription-id={SUBSCRIPTION}", "--workers=0"), "--workers", id="out of range"),
        pytest.param(
            ("run", f"--subscription-id={SUBSCRIPTION}", "--arm-endpoint=http://example.com"),
            "--arm-endpoint",
            id="plain http off loopback",
        ),
        pytest.param(("run", "--lead-the-way"), "--lead-the-way", id="a flag that is not there"),
        pytest.param(("plan",), "--subscription-id", id="a plan without a subscription id"),
        pytest.param(("plan", f"--subscription-id={SUBSCRIPTION}", "--output=xml"), "--output", id="a form unknown"),
        pytest.param(
            ("orphans", f"--subscription-id={SUBSCRIPTION}", "--workers=1"), "--workers", id="a flag of run's"
        ),
        pytest.param(("orphans", "--delete"), "--delete", id="nothing named to be deleted"),
        pytest.param(("status", "--namespace=A"), "--namespace", id="a namespace that can be none"),
        pytest.param(("explain",), "NAMESPACE/NAME", id="nothing to explain"),
        pytest.param(("explain", "app"), "'app'", id="a name without a namespace"),
        pytest.param(("explain", "work/app", "-n", "shop"), "namespace shop", id="two namespaces for one name"),
        pytest.param(("status", "-o", "yaml"), "text or json", id="a form of kubectl's that is none here"),
        pytest.param(("emulate",), "SERVER", id="no server named"),
        pytest.param(("emulate", "azure", "--port=65536"), "--port", id="a port that is too high"),
        pytest.param(("emulate", "azure", "--port=x"), "--port", id="a port that is a word"),
        pytest.param(("emulate", "dns"), "--azure", id="a name server without Traffic Manager"),
        pytest.param(("emulate", "dns", "--azure=127.0.0.1:1"), "--azure", id="an address without a scheme"),
        pytest.param(("emulate", "dns", "--azure=http://[::1"), "--azure", id="an address with half a bracket"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("fleetdns: ")
    assert says in line


def test_a_missing_kubeconfig_is_one_sentence_in_a_real_process(tmp_path: Path) -> None:
    file = str(tmp_path / "kubeconfig")
    done = fleetdns("run", FLEETDNS_KUBECONFIG=file, FLEETDNS_SUBSCRIPTION_ID=SUBSCRIPTION)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fleetdns: ")
    assert file in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bad_variable_is_one_sentence_in_a_real_process() -> None:
    done = fleetdns("run", FLEETDNS_SUBSCRIPTION_ID=SUBSCRIPTION, FLEETDNS_SWEEP_INTERVAL="1")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fleetdns: FLEETDNS_SWEEP_INTERVAL is '1'; give")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "command",
    ["run", "plan", "status", "explain", "orphans", "demo", "emulate", "emulate hub", "emulate azure", "emulate dns"],
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"usage: fleetdns {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "says"),
    [
        pytest.param("demo", "Embedded hub, Azure and DNS on loopback", id="demo"),
        pytest.param("emulate", "One embedded server alone, on loopback, until Ctrl-C.", id="emulate"),
    ],
)
def test_help_spells_names_as_they_are(command: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    assert says in " ".join(capsys.readouterr().out.split())


def test_help_of_run_lists_every_flag_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"])
    words = capsys.readouterr().out.split()
    for flag in FLAGS:
        assert f"--{flag.name}" in words
        assert f"[{flag.variable}]" in words


def test_help_of_plan_lists_what_changes_a_plan_and_takes_the_other_flags_of_run_as_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["plan", "--help"])
    words = capsys.readouterr().out.split()
    unlisted = [flag.name for flag in PLAN_FLAGS if f"[{flag.variable}]" not in words]
    assert [name for name in unlisted if f"--{name}" in " ".join(words)] == []
    assert {"workers", "lease-duration", "metrics-bind-address", "dry-run"} <= set(unlisted)
    assert {"resource-group", "max-removal-percent", "sweep-interval", "resource-overrides"}.isdisjoint(unlisted)
    given = [f"--{flag.name}={flag.default}" for flag in FLAGS if flag.default and flag.name in unlisted]
    assert cli.main(["plan", *given, "--subscription-id=0"]) == 2
    assert capsys.readouterr().err.startswith("fleetdns: --subscription-id is '0'; ")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"fleetdns {__version__}\n"


def test_the_command_line_alone_imports_nothing_heavy() -> None:
    code = f"import sys, fleetdns.cli; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=20)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        pytest.param(Forbidden("AuthorizationFailed", "no right to list"), 1, id="refused from outside: failure"),
        pytest.param(KeyboardInterrupt(), 0, id="Ctrl-C: stopped as asked"),
    ],
)
def test_how_a_command_ends_is_the_exit_code(
    raised: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> int:
        raise raised

    monkeypatch.setattr("fleetdns.emulate.emulate_azure", fail)
    assert cli.main(["emulate", "azure"]) == code
    assert capsys.readouterr().err == ("" if code == 0 else f"fleetdns: {raised}\n")


def test_a_question_that_was_broken_off_is_not_answered_by_no(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken_off(*_: object) -> int:
        raise KeyboardInterrupt

    for command in ("plan", "orphans"):
        monkeypatch.setattr(f"fleetdns.commands.{command}.{command}", broken_off)
        assert cli.main([command, f"--subscription-id={SUBSCRIPTION}"]) == cli.INTERRUPTED
    monkeypatch.setattr("fleetdns.commands.status.status", broken_off)
    assert cli.main(["status"]) == cli.INTERRUPTED


def test_a_pause_that_azure_asks_for_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def throttled(*_: object) -> int:
        raise Throttled("TooManyRequests", "It is throttled.", retry_after=6.2)

    monkeypatch.setattr("fleetdns.commands.status.status", throttled)
    assert cli.main(["status"]) == cli.FAILURE
    assert capsys.readouterr().err == "fleetdns: TooManyRequests: It is throttled; try again in 7 s\n"
