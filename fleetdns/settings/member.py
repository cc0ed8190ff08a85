"""Every setting of `fleetdns member`, read and checked as those of `run` are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX
from fleetdns.api.meta import ObjectKey
from fleetdns.errors import UsageError
from fleetdns.settings.combinations import check_addresses, check_lease
from fleetdns.settings.flags import CONTEXT, FLAGS, Flag, Parser, Reader, add_flags
from fleetdns.settings.values import (
    Address,
    address,
    arm_endpoint,
    boolean,
    cluster_name,
    namespace,
    object_key,
    one_of,
    resource_group,
    seconds,
    subscription,
    whole_number,
)

_SHARED = {flag.name: flag for flag in FLAGS}

MEMBER_FLAGS: tuple[Flag, ...] = (
    Flag("hub-kubeconfig", "FILE", "how to reach the hub cluster; required"),
    Flag(
        "hub-kubeconfig-secret",
        "NAMESPACE/NAME",
        "the Secret of this cluster that the hub kubeconfig comes from; the renewed token is written there",
    ),
    Flag("hub-namespace", "NAMESPACE", "this cluster's namespace on the hub; without it, fleet-member-CLUSTER"),
    Flag("cluster-name", "CLUSTER", "what this cluster is called in the fleet; required"),
    Flag("kubeconfig", "FILE", "how to reach the member cluster; without it, as a pod inside that cluster"),
    CONTEXT,
    Flag("subscription-id", "UUID", "the Azure subscription that holds this cluster's public IPs; required"),
    Flag("public-ip-resource-group", "GROUP", "where this cluster's public IPs are, its node resource group; required"),
    _SHARED["azure-cloud"],
    _SHARED["arm-endpoint"],
    Flag("sweep-interval", "SECONDS", "time between two looks at the public IPs, 5 to 3600", "60"),
    Flag("workers", "N", "how many ServiceExports are worked on at once, 1 to 64", "8"),
    Flag("leader-elect", "BOOL", "let one replica work at a time", "true", True),
    _SHARED["leader-election-namespace"],
    _SHARED["lease-duration"],
    _SHARED["lease-renew-interval"],
    _SHARED["metrics-bind-address"],
    _SHARED["health-probe-bind-address"],
    _SHARED["log-level"],
    _SHARED["log-format"],
)


@dataclass(frozen=True, slots=True)
class MemberSettings:
    """What the administrator of one member cluster decided. Seconds; None where there is no value."""

    hub_kubeconfig: str
    hub_kubeconfig_secret: ObjectKey | None
    hub_namespace: str
    cluster_name: str
    kubeconfig: str | None
    context: str | None  # of `kubeconfig`; that of the hub is made for one cluster and has one
    subscription_id: str
    public_ip_resource_group: str
    azure_cloud: str
    arm_endpoint: str | None
    sweep_interval: float
    workers: int
    leader_elect: bool
    leader_election_namespace: str | None
    lease_duration: int  # whole seconds, as a Lease holds them
    lease_renew_interval: float
    metrics_bind_address: Address | None
    health_probe_bind_address: Address | None
    log_level: str
    log_format: str | None
    managed_identity_client_id: str | None  # AZURE_CLIENT_ID, which Azure's own tools read too: no flag


def parse_member(arguments: Sequence[str], environment: Mapping[str, str]) -> MemberSettings:
    """The settings that the words after `fleetdns member` and the environment give. Raises UsageError."""
    parser = Parser(prog="fleetdns member")
    add_flags(parser, MEMBER_FLAGS)
    return member_settings_from(vars(parser.parse_args(arguments)), environment)


def member_settings_from(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> MemberSettings:
    """The settings. `flags`: by the flag's name, None where it was not given. Raises UsageError."""
    read = Reader(flags, environment, MEMBER_FLAGS)
    cluster = read.required("cluster-name", cluster_name, "what this cluster is called in the fleet")
    settings = MemberSettings(
        hub_kubeconfig=read.required(
            "hub-kubeconfig", str, "the file that `fleetdns member-kubeconfig` printed on the hub"
        ),
        hub_kubeconfig_secret=read.optional("hub-kubeconfig-secret", object_key),
        hub_namespace=_hub_namespace(read.optional("hub-namespace", namespace), cluster),
        cluster_name=cluster,
        kubeconfig=read.optional("kubeconfig", str),
        context=read.optional("context", str),
        subscription_id=read.required("subscription-id", subscription, "the Azure subscription of the public IPs"),
        public_ip_resource_group=read.required(
            "public-ip-resource-group", resource_group, "the resource group of this cluster's nodes"
        ),
        azure_cloud=read("azure-cloud", one_of("public", "china", "usgov")),
        arm_endpoint=read.optional("arm-endpoint", arm_endpoint),
        sweep_interval=read("sweep-interval", seconds(5, 3600)),
        workers=read("workers", whole_number(1, 64)),
        leader_elect=read("leader-elect", boolean),
        leader_election_namespace=read.optional("leader-election-namespace", namespace),
        lease_duration=read("lease-duration", whole_number(6, 300)),
        lease_renew_interval=read("lease-renew-interval", seconds(0.5, 50)),
        metrics_bind_address=read("metrics-bind-address", address),
        health_probe_bind_address=read("health-probe-bind-address", address),
        log_level=read("log-level", one_of("debug", "info", "warning", "error")),
        log_format=read.optional("log-format", one_of("json", "console")),
        managed_identity_client_id=environment.get("AZURE_CLIENT_ID") or None,
    )
    check_addresses(settings.metrics_bind_address, settings.health_probe_bind_address)
    check_lease(settings.lease_duration, settings.lease_renew_interval)
    return settings


def _hub_namespace(given: str | None, cluster: str) -> str:
    """Where the hub takes this cluster's exports from: what lies elsewhere it takes for somebody else's."""
    own = MEMBER_NAMESPACE_PREFIX + cluster
    if given not in (None, own):
        raise UsageError(
            f"--hub-namespace is {given!r}, but the hub counts exports of cluster {cluster} in {own} only; "
            "leave it out, or correct --cluster-name"
        )
    return own
