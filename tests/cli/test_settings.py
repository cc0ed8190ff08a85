"""Settings: each flag and variable, which one wins, and one sentence for each value that cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import pytest

from fleetdns.core.callbudget import TRAFFIC_MANAGER_LIMITS
from fleetdns.errors import UsageError
from fleetdns.settings import Address, Settings, parse, settings_from
from fleetdns.settings.flags import FLAGS

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
NEEDED = (f"--subscription-id={SUBSCRIPTION}",)


def settings(*flags: str, environment: Mapping[str, str] | None = None) -> Settings:
    return parse((*NEEDED, *flags), environment or {})


def test_defaults_are_those_of_the_contract() -> None:
    assert settings() == Settings(
        kubeconfig=None,
        context=None,
        namespace=None,
        subscription_id=SUBSCRIPTION,
        resource_group=None,
        allowed_resource_groups=None,
        azure_cloud="public",
        arm_endpoint=None,
        hub_id=None,
        tags=(),
        dns_name_template="{name}",
        weight_rounding="exact",
        sweep_interval=60.0,
        max_removal_percent=50,
        azure_calls_per_minute=TRAFFIC_MANAGER_LIMITS,
        azure_budget_percent=90,
        workers=16,
        resolve_exports=True,
        resource_overrides="auto",
        leader_elect=True,
        leader_election_namespace=None,
        lease_duration=30,
        lease_renew_interval=5.0,
        metrics_bind_address=Address("", 8080),
        health_probe_bind_address=Address("", 8081),
        log_level="info",
        log_format=None,
        dry_run=False,
        managed_identity_client_id=None,
    )


GOOD: tuple[tuple[str, str, object], ...] = (
    ("kubeconfig", "/etc/hub.yaml", "/etc/hub.yaml"),
    ("context", "hub-admin@west", "hub-admin@west"),
    ("namespace", "work", "work"),
    ("subscription-id", "0A0a0a0a-0000-4000-8000-00000000000F", "0A0a0a0a-0000-4000-8000-00000000000F"),
    ("resource-group", "Fleet_(dns).rg-1", "Fleet_(dns).rg-1"),
    ("resource-group", "g" * 90, "g" * 90),
    ("allowed-resource-groups", "Shared, work:Own ,", frozenset({("", "shared"), ("work", "own")})),
    ("azure-cloud", "USGov", "usgov"),
    ("arm-endpoint", "https://management.azure.example/", "https://management.azure.example"),
    ("arm-endpoint", "http://127.0.0.1:8443", "http://127.0.0.1:8443"),
    ("arm-endpoint", "http://[::1]:8443", "http://[::1]:8443"),
    ("arm-endpoint", "http://localhost", "http://localhost"),
    ("hub-id", "hub one", "hub one"),
    ("tags", "team=web, cost center=4=2,empty=", (("cost center", "4=2"), ("empty", ""), ("team", "web"))),
    ("dns-name-template", "{namespace}-{name}", "{namespace}-{name}"),
    ("dns-name-template", "{name}.{namespace}.prod", "{name}.{namespace}.prod"),
    ("weight-rounding", "ceiling", "ceiling"),
    ("sweep-interval", "5", 5.0),
    ("sweep-interval", "3600", 3600.0),
    ("sweep-interval", "7.5", 7.5),
    ("max-removal-percent", "0", 0),
    ("max-removal-percent", "100", 100),
    ("azure-calls-per-minute", "lists=9", {**TRAFFIC_MANAGER_LIMITS, "lists": 9}),
    (
        "azure-calls-per-minute",
        "profile-writes=60, endpoint-writes = 999999",
        {**TRAFFIC_MANAGER_LIMITS, "profile-writes": 60, "endpoint-writes": 999999},
    ),
    ("azure-budget-percent", "1", 1),
    ("azure-budget-percent", "100", 100),
    ("workers", "1", 1),
    ("workers", "64", 64),
    ("resolve-exports", "False", False),
    ("resource-overrides", "on", "on"),
    ("leader-elect", "false", False),
    ("leader-election-namespace", "fleetdns-system", "fleetdns-system"),
    ("lease-duration", "300", 300),
    ("lease-renew-interval", "0.5", 0.5),
    ("metrics-bind-address", "0", None),
    ("metrics-bind-address", ":0", Address("", 0)),
    ("metrics-bind-address", "127.0.0.1:9000", Address("127.0.0.1", 9000)),
    ("health-probe-bind-address", "[::1]:9001", Address("::1", 9001)),
    ("health-probe-bind-address", "localhost:65535", Address("localhost", 65535)),
    ("log-level", "WARNING", "warning"),
    ("log-format", "json", "json"),
    ("dry-run", "true", True),
)


@pytest.mark.parametrize(
    ("flag", "text", "value"), [pytest.param(*case, id=f"{case[0]}={case[1]}"[:60]) for case in GOOD]
)
def test_every_flag_is_also_a_variable(flag: str, text: str, value: object) -> None:
    field = flag.replace("-", "_")
    assert getattr(settings(f"--{flag}={text}"), field) == value
    variable = {"FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION, f"FLEETDNS_{field.upper()}": text}
    assert getattr(settings_from({}, variable), field) == value


def test_the_table_of_good_values_covers_every_setting() -> None:
    names = {flag.name for flag in FLAGS}
    assert {flag for flag, _, _ in GOOD} == names
    assert {field.name for field in fields(Settings)} == {name.replace("-", "_") for name in names} | {
        "managed_identity_client_id"  # from Azure's own variable, without a flag
    }


BAD: tuple[tuple[str, str, str], ...] = (
    ("namespace", "Work", "a capital letter in a namespace"),
    ("namespace", "a" * 64, "a namespace that is too long"),
    ("namespace", "a,b", "two namespaces"),
    ("subscription-id", "my subscription", "a subscription's name"),
    ("subscription-id", "00000000000000000000000000000000", "a subscription without hyphens"),
    ("subscription-id", SUBSCRIPTION + "0", "a subscription with a digit too many"),
    ("resource-group", "g" * 91, "a resource group that is too long"),
    ("resource-group", "group.", "a resource group that ends with a full stop"),
    ("resource-group", "a/b", "a slash in a resource group"),
    ("allowed-resource-groups", "ok,Bad Namespace:group", "an allowed namespace that is none"),
    ("allowed-resource-groups", "work:", "an allowed group that is empty"),
    ("allowed-resource-groups", ":group", "an allowed namespace that is empty"),
    ("allowed-resource-groups", ",", "a list of allowed groups with nothing in it"),
    ("azure-cloud", "germany", "a cloud that is no more"),
    ("arm-endpoint", "http://10.0.0.1:8080", "plain http off loopback"),
    ("arm-endpoint", "http://localhost.example.com", "plain http to a host that only begins like loopback"),
    ("arm-endpoint", "management.azure.com", "an address without a scheme"),
    ("arm-endpoint", "ftp://management.azure.com", "an address with another scheme"),
    ("arm-endpoint", "https://", "an address without a host"),
    ("arm-endpoint", "https://host:port", "an address whose port is a word"),
    ("arm-endpoint", "https://[::1", "an address with half a bracket"),
    ("arm-endpoint", "https://user:pass@host", "an address with a password in it"),
    ("arm-endpoint", "https://host/?api-version=1", "an address with a query"),
    ("hub-id", "h" * 257, "a hub id that is too long for a tag"),
    ("hub-id", "a\tb", "a tab in a hub id"),
    ("tags", "team", "a tag without a value"),
    ("tags", "=web", "a tag without a name"),
    ("tags", "a<b=c", "a tag name with a character that Azure refuses"),
    ("tags", "Team=a,team=b", "a tag given twice in two cases"),
    ("tags", "FleetDNS.Hub=mine", "a tag that fleetdns sets itself"),
    ("tags", ",".join(f"t{n}=v" for n in range(49)), "more tags than fit beside our own"),
    ("tags", f"a={'v' * 257}", "a tag's value that is too long"),
    ("dns-name-template", "{name}-{cluster}", "a placeholder that is unknown"),
    ("dns-name-template", "fixed", "a template that gives every profile one name"),
    ("dns-name-template", "{name}_{namespace}", "a template that makes no DNS name"),
    ("dns-name-template", "-{name}", "a template whose names begin with a hyphen"),
    ("dns-name-template", "{name", "a template with half a placeholder"),
    ("weight-rounding", "floor", "a rounding rule that is none"),
    ("sweep-interval", "4.9", "sweeps too close together"),
    ("sweep-interval", "3601", "sweeps too far apart"),
    ("sweep-interval", "60s", "an interval with a unit"),
    ("sweep-interval", "nan", "an interval that is not a number"),
    ("sweep-interval", "1e2", "an interval with an exponent"),
    ("max-removal-percent", "101", "more than everything"),
    ("max-removal-percent", "50%", "a sign"),
    ("azure-calls-per-minute", "60", "no kind"),
    ("azure-calls-per-minute", "writes=60", "an unknown kind"),
    ("azure-calls-per-minute", "lists=0", "none at all"),
    ("azure-calls-per-minute", "lists=7.5", "half a call"),
    ("azure-calls-per-minute", "lists=60,", "nothing after a comma"),
    ("azure-budget-percent", "0", "nothing of everything"),
    ("azure-budget-percent", "101", "more than everything there is"),
    ("workers", "0", "no workers"),
    ("workers", "65", "too many workers"),
    ("workers", "-1", "fewer than no workers"),
    ("workers", "2.5", "half a worker"),
    ("workers", "9" * 5000, "more digits than Python takes"),
    ("leader-elect", "maybe", "a word that is no decision"),
    ("leader-election-namespace", "a,b", "two namespaces for one lease"),
    ("lease-duration", "5", "a lease that is too short"),
    ("lease-duration", "7.5", "a lease that no Lease can hold"),
    ("lease-duration", "301", "a lease that is too long"),
    ("lease-renew-interval", "0.4", "renewals too close together"),
    ("resolve-exports", "yes", "a word that is no boolean"),
    ("resource-overrides", "true", "neither auto, on nor off"),
    ("dry-run", "1", "a number that is no boolean"),
    ("metrics-bind-address", "8080", "a port without its colon"),
    ("metrics-bind-address", ":65536", "a port that is too high"),
    ("metrics-bind-address", ":http", "a port by its name"),
    ("metrics-bind-address", "::1:8080", "an IPv6 address without brackets"),
    ("health-probe-bind-address", "[localhost]:8081", "brackets around a name"),
    ("health-probe-bind-address", "http://0.0.0.0:8081", "a URL where an address belongs"),
    ("log-level", "trace", "a level that is none"),
    ("log-format", "xml", "a format that is none"),
)


@pytest.mark.parametrize(("flag", "text"), [pytest.param(flag, text, id=why) for flag, text, why in BAD])
def test_bad_values_are_refused_with_one_sentence_that_names_their_source(flag: str, text: str) -> None:
    variable = f"FLEETDNS_{flag.upper().replace('-', '_')}"
    with pytest.raises(UsageError) as by_flag:
        settings(f"--{flag}={text}")
    with pytest.raises(UsageError) as by_variable:
        settings_from({}, {"FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION, variable: text})
    assert str(by_flag.value).startswith(f"--{flag} is ")
    assert str(by_variable.value).startswith(f"{variable} is ")
    for error in (by_flag.value, by_variable.value):
        assert "\n" not in str(error)
        assert "; " in str(error), "says what to do"


def test_a_missing_subscription_is_asked_for_by_flag_and_variable() -> None:
    with pytest.raises(UsageError) as error:
        parse((), {})
    assert "--subscription-id" in str(error.value)
    assert "FLEETDNS_SUBSCRIPTION_ID" in str(error.value)


def test_a_lease_must_leave_time_for_writes_between_renewals() -> None:
    with pytest.raises(UsageError, match="--lease-renew-interval is 5; give at most a sixth"):
        settings("--lease-duration=29")
    assert settings("--lease-duration=60", "--lease-renew-interval=10").lease_renew_interval == 10


def test_two_servers_on_one_port_are_refused() -> None:
    with pytest.raises(UsageError, match="--health-probe-bind-address"):
        settings("--metrics-bind-address=:8081")
    assert settings("--metrics-bind-address=:0", "--health-probe-bind-address=:0").workers == 16


@pytest.mark.parametrize(
    ("flags", "variable", "workers"),
    [
        pytest.param((), None, 16, id="neither: the default"),
        pytest.param((), "3", 3, id="the variable alone"),
        pytest.param(("--workers=5",), "3", 5, id="the flag wins"),
        pytest.param(("--workers=5",), "nonsense", 5, id="the flag wins over a variable that is wrong"),
        pytest.param(("--workers=",), "3", 16, id="an empty flag asks for the default"),
        pytest.param((), "", 16, id="an empty variable is no variable"),
        pytest.param(("--workers", "5", "--workers", "6"), None, 6, id="the last of two flags"),
    ],
)
def test_precedence(flags: tuple[str, ...], variable: str | None, workers: int) -> None:
    environment = {} if variable is None else {"FLEETDNS_WORKERS": variable}
    assert settings(*flags, environment=environment).workers == workers


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        pytest.param(("--resolve-exports",), True, id="--flag"),
        pytest.param(("--resolve-exports=true",), True, id="--flag=true"),
        pytest.param(("--resolve-exports=false",), False, id="--flag=false"),
        pytest.param(("--no-resolve-exports",), False, id="--no-flag"),
        pytest.param(("--no-resolve-exports", "--resolve-exports"), True, id="the last one counts"),
    ],
)
def test_booleans_take_three_forms(flags: tuple[str, ...], value: bool) -> None:
    assert settings(*flags, environment={"FLEETDNS_RESOLVE_EXPORTS": str(not value)}).resolve_exports is value


def test_variables_that_kubernetes_sets_beside_a_service_are_left_alone() -> None:
    environment = {"FLEETDNS_PORT": "tcp://10.0.0.1:80", "FLEETDNS_SERVICE_HOST": "10.0.0.1"}
    assert settings(environment=environment) == settings()


@pytest.mark.parametrize("flags", [("--work=5",), ("--unknown",), ("stray",), ("--workers",)])
def test_what_is_no_flag_is_refused(flags: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="see fleetdns run --help"):
        settings(*flags)
