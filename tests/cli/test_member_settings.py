"""Settings of the member agent: each flag and variable, and one sentence for each value that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import pytest

from fleetdns import cli
from fleetdns.api.meta import ObjectKey
from fleetdns.errors import UsageError
from fleetdns.settings import Address
from fleetdns.settings.member import MEMBER_FLAGS, MemberSettings, member_settings_from, parse_member

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
NEEDED: Mapping[str, str] = {
    "cluster-name": "member-1",
    "hub-kubeconfig": "/etc/hub/kubeconfig",
    "subscription-id": SUBSCRIPTION,
    "public-ip-resource-group": "MC_nodes",
}


def variable(flag: str) -> str:
    return f"FLEETDNS_{flag.upper().replace('-', '_')}"


def settings(*flags: str, environment: Mapping[str, str] | None = None) -> MemberSettings:
    return parse_member((*(f"--{name}={text}" for name, text in NEEDED.items()), *flags), environment or {})


def by_variables(**more: str) -> MemberSettings:
    """Everything from the environment, as in a Deployment."""
    needed = {variable(flag): text for flag, text in NEEDED.items()}
    return member_settings_from({}, needed | more)


def test_defaults() -> None:
    assert settings() == MemberSettings(
        hub_kubeconfig="/etc/hub/kubeconfig",
        hub_kubeconfig_secret=None,
        hub_namespace="fleet-member-member-1",
        cluster_name="member-1",
        kubeconfig=None,
        context=None,
        subscription_id=SUBSCRIPTION,
        public_ip_resource_group="MC_nodes",
        azure_cloud="public",
        arm_endpoint=None,
        sweep_interval=60.0,
        workers=8,
        leader_elect=True,
        leader_election_namespace=None,
        lease_duration=30,
        lease_renew_interval=5.0,
        metrics_bind_address=Address("", 8080),
        health_probe_bind_address=Address("", 8081),
        log_level="info",
        log_format=None,
        managed_identity_client_id=None,
    )


GOOD: tuple[tuple[str, str, object], ...] = (
    ("hub-kubeconfig", "/var/run/hub", "/var/run/hub"),
    ("hub-kubeconfig-secret", "fleetdns-system/hub.kubeconfig", ObjectKey("fleetdns-system", "hub.kubeconfig")),
    ("hub-namespace", "fleet-member-member-1", "fleet-member-member-1"),
    ("cluster-name", "aks-west-1", "aks-west-1"),
    ("cluster-name", "c" * 50, "c" * 50),
    ("kubeconfig", "/etc/member.yaml", "/etc/member.yaml"),
    ("context", "aks-1", "aks-1"),
    ("subscription-id", "0A0a0a0a-0000-4000-8000-00000000000F", "0A0a0a0a-0000-4000-8000-00000000000F"),
    ("public-ip-resource-group", "MC_group_(aks).west-1", "MC_group_(aks).west-1"),
    ("azure-cloud", "China", "china"),
    ("arm-endpoint", "http://127.0.0.1:8443/", "http://127.0.0.1:8443"),
    ("sweep-interval", "5", 5.0),
    ("sweep-interval", "3600", 3600.0),
    ("workers", "64", 64),
    ("leader-elect", "false", False),
    ("leader-election-namespace", "fleetdns-system", "fleetdns-system"),
    ("lease-duration", "60", 60),
    ("lease-renew-interval", "0.5", 0.5),
    ("metrics-bind-address", "0", None),
    ("health-probe-bind-address", "[::1]:9001", Address("::1", 9001)),
    ("log-level", "Debug", "debug"),
    ("log-format", "console", "console"),
)


@pytest.mark.parametrize(
    ("flag", "text", "value"), [pytest.param(*case, id=f"{case[0]}={case[1]}"[:60]) for case in GOOD]
)
def test_every_flag_is_also_a_variable(flag: str, text: str, value: object) -> None:
    field = flag.replace("-", "_")
    assert getattr(settings(f"--{flag}={text}"), field) == value
    assert getattr(by_variables(**{variable(flag): text}), field) == value


def test_the_table_of_good_values_covers_every_setting() -> None:
    names = {flag.name for flag in MEMBER_FLAGS}
    assert {flag for flag, _, _ in GOOD} == names
    assert {field.name for field in fields(MemberSettings)} == {name.replace("-", "_") for name in names} | {
        "managed_identity_client_id"  # from Azure's own variable, without a flag
    }


def test_the_namespace_on_the_hub_follows_the_clusters_name() -> None:
    assert by_variables(FLEETDNS_CLUSTER_NAME="other").hub_namespace == "fleet-member-other"


def test_a_namespace_in_which_the_hub_would_not_count_the_exports_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--hub-namespace is 'fleet-member-other'.*in fleet-member-member-1 only"):
        settings("--hub-namespace=fleet-member-other")


def test_the_identity_comes_from_the_variable_that_azures_own_tools_read() -> None:
    assert by_variables(AZURE_CLIENT_ID="an-id").managed_identity_client_id == "an-id"
    assert by_variables(AZURE_CLIENT_ID="").managed_identity_client_id is None


BAD: tuple[tuple[str, str, str], ...] = (
    ("hub-kubeconfig-secret", "hub", "a Secret without its namespace"),
    ("hub-kubeconfig-secret", "fleetdns-system/", "a Secret without a name"),
    ("hub-kubeconfig-secret", "a/b/c", "a Secret with too many parts"),
    ("hub-kubeconfig-secret", "Fleet/hub", "a Secret in a namespace that is none"),
    ("hub-namespace", "fleet-member-One", "a capital letter in a namespace"),
    ("cluster-name", "Member", "a capital letter in a cluster's name"),
    ("cluster-name", "a.b", "a full stop in a cluster's name"),
    ("cluster-name", "-a", "a cluster's name that begins with a hyphen"),
    ("cluster-name", "c" * 51, "a cluster whose namespace on the hub would be too long"),
    ("subscription-id", "my subscription", "a subscription's name"),
    ("public-ip-resource-group", "a/b", "a slash in a resource group"),
    ("public-ip-resource-group", "..", "a resource group of full stops"),
    ("public-ip-resource-group", "g" * 91, "a resource group that is too long"),
    ("azure-cloud", "germany", "a cloud that is no more"),
    ("arm-endpoint", "http://10.0.0.1", "plain http off loopback"),
    ("sweep-interval", "4.9", "sweeps too close together"),
    ("sweep-interval", "3601", "sweeps too far apart"),
    ("workers", "0", "no workers"),
    ("leader-elect", "maybe", "a word that is no decision"),
    ("leader-election-namespace", "a,b", "two namespaces for one lease"),
    ("lease-duration", "5", "a lease that is too short"),
    ("lease-renew-interval", "51", "renewals too far apart"),
    ("metrics-bind-address", "8080", "a port without its colon"),
    ("health-probe-bind-address", ":http", "a port by its name"),
    ("log-level", "trace", "a level that is none"),
    ("log-format", "xml", "a format that is none"),
)


@pytest.mark.parametrize(("flag", "text"), [pytest.param(flag, text, id=why) for flag, text, why in BAD])
def test_bad_values_are_refused_with_one_sentence_that_names_their_source(flag: str, text: str) -> None:
    with pytest.raises(UsageError) as by_flag:
        settings(f"--{flag}={text}")
    with pytest.raises(UsageError) as by_variable:
        by_variables(**{variable(flag): text})
    assert str(by_flag.value).startswith(f"--{flag} is ")
    assert str(by_variable.value).startswith(f"{variable(flag)} is ")
    for error in (by_flag.value, by_variable.value):
        assert "\n" not in str(error)
        assert "; " in str(error), "says what to do"


@pytest.mark.parametrize("missing", sorted(NEEDED))
@pytest.mark.parametrize("empty", [False, True], ids=["not given", "given as nothing"])
def test_what_is_needed_is_asked_for_by_flag_and_variable(missing: str, empty: bool) -> None:
    given = [f"--{name}={text}" for name, text in NEEDED.items() if name != missing]
    with pytest.raises(UsageError) as error:
        parse_member([*given, f"--{missing}="] if empty else given, {})
    assert f"--{missing}" in str(error.value)
    assert variable(missing) in str(error.value)


def test_a_lease_must_leave_time_for_writes_between_renewals() -> None:
    with pytest.raises(UsageError, match="--lease-renew-interval is 5; give at most a sixth"):
        settings("--lease-duration=29")


def test_two_servers_on_one_port_are_refused() -> None:
    with pytest.raises(UsageError, match="--health-probe-bind-address"):
        settings("--metrics-bind-address=:8081")


@pytest.mark.parametrize(
    "flag", ["--resource-group=a", "--namespace=work", "--dry-run", "--resolve-exports", "--hub-id=a", "stray"]
)
def test_flags_of_the_hub_controller_are_none_of_the_agents(flag: str) -> None:
    with pytest.raises(UsageError, match="see fleetdns member --help"):
        settings(flag)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        pytest.param((), "--cluster-name", id="nothing given"),
        pytest.param(("--cluster-name=Member",), "--cluster-name", id="a bad name"),
        pytest.param(("--cluster-name=a", "--hub-kubeconfig=nowhere"), "--subscription-id", id="no subscription"),
        pytest.param(
            (*(f"--{name}={text}" for name, text in NEEDED.items()), "--workers=0"), "--workers", id="out of range"
        ),
        pytest.param(("--lead-the-way",), "--lead-the-way", id="a flag that is not there"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    flags: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for flag in MEMBER_FLAGS:
        monkeypatch.delenv(flag.variable, raising=False)
    assert cli.main(("member", *flags)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith("fleetdns: ")
    assert says in line


def test_help_names_every_flag(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(("member", "--help"))
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for flag in MEMBER_FLAGS:
        assert f"--{flag.name}" in text


def test_help_speaks_of_what_the_agent_has(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["member", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "ServiceExports are worked on at once" in text
    assert [words for words in ("profiles are worked on", "dry run", "dry-run") if words in text] == []


@pytest.mark.parametrize("command", ["run", "member", "member-kubeconfig"])
def test_a_flag_that_is_not_there_leads_to_the_help_of_its_own_command(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster = ["aks-1"] if command == "member-kubeconfig" else []
    assert cli.main([command, *cluster, "--contexts=hub"]) == 2
    assert capsys.readouterr().err.endswith(f"see fleetdns {command} --help\n")
