"""Every setting of `fleetdns run`: read from flags and FLEETDNS_ variables, checked once, then frozen.

A flag wins over its variable; an empty value means the default. A value that cannot be used is a UsageError whose one
sentence names the flag or the variable and says what to give instead. Nobody else reads the environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetdns.core.callbudget import TRAFFIC_MANAGER_LIMITS, Kind
from fleetdns.core.overrides import AUTO, OFF, ON
from fleetdns.core.weights import CEILING, EXACT
from fleetdns.settings.combinations import check_addresses, check_lease
from fleetdns.settings.flags import FLAGS, Parser, Reader, add_flags
from fleetdns.settings.values import (
    Address,
    address,
    allowed_groups,
    arm_endpoint,
    boolean,
    call_limits,
    hub_id,
    namespace,
    one_of,
    resource_group,
    seconds,
    subscription,
    tags,
    template,
    whole_number,
)

__all__ = ["Address", "Settings", "parse", "settings_from"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the administrator decided, as api.md names it. Seconds; None where there is no value."""

    kubeconfig: str | None
    context: str | None
    namespace: str | None
    subscription_id: str
    resource_group: str | None
    allowed_resource_groups: frozenset[tuple[str, str]] | None  # (namespace or "" for every one, folded group)
    azure_cloud: str
    arm_endpoint: str | None
    hub_id: str | None
    tags: tuple[tuple[str, str], ...]
    dns_name_template: str
    weight_rounding: str
    sweep_interval: float
    max_removal_percent: int
    azure_calls_per_minute: Mapping[Kind, int]
    azure_budget_percent: int
    workers: int
    resolve_exports: bool
    resource_overrides: str
    leader_elect: bool
    leader_election_namespace: str | None
    lease_duration: int  # whole seconds, as a Lease holds them
    lease_renew_interval: float
    metrics_bind_address: Address | None
    health_probe_bind_address: Address | None
    log_level: str
    log_format: str | None
    dry_run: bool
    managed_identity_client_id: str | None  # AZURE_CLIENT_ID, which Azure's own tools read too: no flag


def parse(arguments: Sequence[str], environment: Mapping[str, str]) -> Settings:
    """The settings that the words after `fleetdns run` and the environment give. Raises UsageError."""
    parser = Parser(prog="fleetdns run")
    add_flags(parser, FLAGS)
    return settings_from(vars(parser.parse_args(arguments)), environment)


def settings_from(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> Settings:
    """The settings. `flags`: by the flag's name, None where it was not given. Raises UsageError."""
    read = Reader(flags, environment, FLAGS)
    settings = Settings(
        kubeconfig=read.optional("kubeconfig", str),
        context=read.optional("context", str),
        namespace=read.optional("namespace", namespace),
        subscription_id=read.required("subscription-id", subscription, "the Azure subscription of the profiles"),
        resource_group=read.optional("resource-group", resource_group),
        allowed_resource_groups=read.optional("allowed-resource-groups", allowed_groups),
        azure_cloud=read("azure-cloud", one_of("public", "china", "usgov")),
        arm_endpoint=read.optional("arm-endpoint", arm_endpoint),
        hub_id=read.optional("hub-id", hub_id),
        tags=read.optional("tags", tags) or (),
        dns_name_template=read("dns-name-template", template),
        weight_rounding=read("weight-rounding", one_of(EXACT, CEILING)),
        sweep_interval=read("sweep-interval", seconds(5, 3600)),
        max_removal_percent=read("max-removal-percent", whole_number(0, 100)),
        azure_calls_per_minute=read.optional("azure-calls-per-minute", call_limits) or TRAFFIC_MANAGER_LIMITS,
        azure_budget_percent=read("azure-budget-percent", whole_number(1, 100)),
        workers=read("workers", whole_number(1, 64)),
        resolve_exports=read("resolve-exports", boolean),
        resource_overrides=read("resource-overrides", one_of(AUTO, ON, OFF)),
        leader_elect=read("leader-elect", boolean),
        leader_election_namespace=read.optional("leader-election-namespace", namespace),
        lease_duration=read("lease-duration", whole_number(6, 300)),
        lease_renew_interval=read("lease-renew-interval", seconds(0.5, 50)),
        metrics_bind_address=read("metrics-bind-address", address),
        health_probe_bind_address=read("health-probe-bind-address", address),
        log_level=read("log-level", one_of("debug", "info", "warning", "error")),
        log_format=read.optional("log-format", one_of("json", "console")),
        dry_run=read("dry-run", boolean),
        managed_identity_client_id=environment.get("AZURE_CLIENT_ID") or None,
    )
    check_addresses(settings.metrics_bind_address, settings.health_probe_bind_address)
    check_lease(settings.lease_duration, settings.lease_renew_interval)
    return settings
