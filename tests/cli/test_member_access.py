"""What `fleetdns member-kubeconfig` is told, and by which kubeconfig it asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetdns import cli
from fleetdns.errors import UsageError
from fleetdns.settings.memberaccess import MEMBER_ACCESS_FLAGS, MemberAccess, duration, member_access_from
from fleetdns.settings.values import Unusable


def test_a_name_alone_is_enough() -> None:
    assert member_access_from("aks-1", {}, {}) == MemberAccess("fleet-member-aks-1", 7 * 24 * 3600, None, None, None)


def test_flags_win_over_variables() -> None:
    flags = {
        "ttl": "10m",
        "kubeconfig": "mine",
        "context": "far",
        "hub-namespace": "elsewhere",
        "server": "https://hub.example:6443/",
    }
    variables = {flag.variable: "unheard" for flag in MEMBER_ACCESS_FLAGS}
    expected = MemberAccess("elsewhere", 600, "mine", "far", "https://hub.example:6443")
    assert member_access_from("aks-1", flags, variables) == expected


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 604800), ("168h", 604800), ("90m", 5400), ("3600s", 3600), ("10m", 600)]
)
def test_a_duration_has_a_unit(text: str, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["3600", "9m", "599s", "1.5h", "-1d", "7 d", "1w", "1h30m", "0d", "99999999d", "²h"])
def test_a_duration_that_no_server_gives_is_unusable(text: str) -> None:
    with pytest.raises(Unusable, match="from 10m to 49710d"):
        duration(text)


@pytest.mark.parametrize("cluster", ["AKS", "a_b", "", "a" * 51, "-a"])
def test_a_name_that_no_namespace_can_have_is_refused(cluster: str) -> None:
    with pytest.raises(UsageError) as failure:
        member_access_from(cluster, {}, {})
    assert "CLUSTER" in str(failure.value)


def test_the_kubeconfig_is_the_one_that_kubectl_takes(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    file = tmp_path / ".kube" / "config"
    home = {"HOME": str(tmp_path)}

    def chosen(**environment: str) -> str | None:
        return member_access_from("a", {}, {**home, **environment}).kubeconfig

    assert chosen() is None
    file.write_text("")
    assert chosen() == str(file)
    assert chosen(KUBECONFIG="/a:/b") == "/a:/b"
    assert chosen(KUBECONFIG="/a", FLEETDNS_KUBECONFIG="/c") == "/c"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((), "CLUSTER", id="no name"),
        pytest.param(("a", "--ttl=5m"), "--ttl", id="a life that is too short"),
        pytest.param(("a", "--server=hub"), "--server", id="an address without a scheme"),
        pytest.param(("a", "--hub-namespace=A"), "--hub-namespace", id="a namespace that is none"),
        pytest.param(("a", "--kubeconfig=/nowhere"), "/nowhere", id="a kubeconfig that is not there"),
    ],
)
def test_wrong_usage_is_one_sentence_and_nothing_on_stdout(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["member-kubeconfig", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert says in line


def test_help_lists_every_flag_with_its_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["member-kubeconfig", "--help"])
    words = capsys.readouterr().out.split()
    for flag in MEMBER_ACCESS_FLAGS:
        assert f"--{flag.name}" in words
        assert f"[{flag.variable}]" in words
