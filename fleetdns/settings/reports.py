"""Settings of the commands that look, say what they saw, and end: plan, orphans, status, explain.

They are typed by people: where no kubeconfig is named they take the one that kubectl would take, and inside a pod its
own account.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fleetdns.settings import Settings, settings_from
from fleetdns.settings.flags import CONTEXT, FLAGS, Flag, Reader
from fleetdns.settings.kubeconfig import kubectls
from fleetdns.settings.values import namespace, one_of

TEXT, JSON = "text", "json"

_KUBECONFIG = Flag(
    "kubeconfig", "FILE", "how to reach the hub; without it KUBECONFIG, ~/.kube/config, or the account of the pod"
)
_OUTPUT = Flag("output", "FORMAT", "text, or json for programs", TEXT, short="o")
_AZURE = frozenset(
    {"subscription-id", "resource-group", "allowed-resource-groups", "azure-cloud", "arm-endpoint", "hub-id"}
)

# How a plan is carried out changes nothing about it: these are taken, as in a line that was typed for run before.
_HOW = frozenset(
    {
        *("azure-calls-per-minute", "azure-budget-percent", "workers", "dry-run", "log-level", "log-format"),
        *("leader-elect", "leader-election-namespace", "lease-duration", "lease-renew-interval"),
        *("metrics-bind-address", "health-probe-bind-address"),
    }
)

PLAN_FLAGS: tuple[Flag, ...] = (
    _KUBECONFIG,
    *(
        flag._replace(short="n" if flag.name == "namespace" else "", is_listed=flag.name not in _HOW)
        for flag in FLAGS
        if flag.name != "kubeconfig"
    ),
    _OUTPUT,
)
ORPHANS_FLAGS: tuple[Flag, ...] = (
    _KUBECONFIG,
    CONTEXT,
    Flag("namespace", "NAMESPACE", "profiles made for objects of this namespace only; without it, of all", short="n"),
    *(flag for flag in FLAGS if flag.name in _AZURE),
    _OUTPUT,
)
STATUS_FLAGS: tuple[Flag, ...] = (
    _KUBECONFIG,
    CONTEXT,
    Flag("namespace", "NAMESPACE", "the objects of this namespace only; without it, of all", short="n"),
    _OUTPUT,
)
EXPLAIN_FLAGS: tuple[Flag, ...] = (
    _KUBECONFIG,
    CONTEXT,
    Flag("namespace", "NAMESPACE", "where the object is, if its name is given alone", short="n"),
    _OUTPUT,
)


@dataclass(frozen=True, slots=True)
class HubReport:
    """Where to look on the hub and how to say it. `kubeconfig` None: the pod's own account; `context` None: the
    current one; `namespace` None: all.
    """

    kubeconfig: str | None
    context: str | None
    namespace: str | None
    output: str
    is_plain: bool  # no colours, even on a terminal


@dataclass(frozen=True, slots=True)
class AzureReport:
    """The settings of the `run` that is looked through, and how to say what is seen."""

    run: Settings
    output: str
    is_plain: bool


def hub_report_from(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> HubReport:
    """`flags`: by the flag's name, None where it was not given. Raises UsageError."""
    read = Reader(flags, environment, STATUS_FLAGS)
    return HubReport(
        kubeconfig=read.optional("kubeconfig", str) or kubectls(environment),
        context=read.optional("context", str),
        namespace=read.optional("namespace", namespace),
        output=read("output", one_of(TEXT, JSON)),
        is_plain=_is_plain(environment),
    )


def azure_report_from(flags: Mapping[str, str | None], environment: Mapping[str, str]) -> AzureReport:
    """The same for a command that asks Azure as well. A dry run is looked through as if it were none."""
    run = settings_from(flags, environment)
    read = Reader(flags, environment, (_OUTPUT,))
    return AzureReport(
        run=replace(run, kubeconfig=run.kubeconfig or kubectls(environment), dry_run=False),
        output=read("output", one_of(TEXT, JSON)),
        is_plain=_is_plain(environment),
    )


def _is_plain(environment: Mapping[str, str]) -> bool:
    return bool(environment.get("NO_COLOR")) or environment.get("TERM") == "dumb"
