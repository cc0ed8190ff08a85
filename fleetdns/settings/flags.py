"""Flags, each of them also a variable, and how the value of one is found; the table of those of `fleetdns run`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, NoReturn, TypeVar

from fleetdns.core.overrides import AUTO
from fleetdns.core.weights import EXACT
from fleetdns.errors import UsageError
from fleetdns.settings.values import Unusable

T = TypeVar("T")


class Flag(NamedTuple):
    """One flag. `default` is a value as a user would give it, `short` a name of one letter; "" where there is none.
    `is_listed` False: it is taken, and --help is silent about it.
    """

    name: str
    metavar: str
    help: str
    default: str = ""
    is_switch: bool = False
    short: str = ""
    is_listed: bool = True

    @property
    def variable(self) -> str:
        return "FLEETDNS_" + self.name.upper().replace("-", "_")


CONTEXT = Flag("context", "NAME", "which context of the kubeconfig; without it, its current one")

FLAGS: tuple[Flag, ...] = (
    Flag("kubeconfig", "FILE", "how to reach the hub cluster; without it, as a pod inside that cluster"),
    CONTEXT,
    Flag("namespace", "NAMESPACE", "look after the objects of this namespace only; without it, of all"),
    Flag("subscription-id", "UUID", "the Azure subscription that holds the profiles; required"),
    Flag("resource-group", "GROUP", "where profiles go that name no resource group themselves"),
    Flag(
        "allowed-resource-groups",
        "LIST",
        "the groups that objects may use: GROUP for every namespace, NAMESPACE:GROUP for one; without it, any",
    ),
    Flag("azure-cloud", "CLOUD", "public, china or usgov", "public"),
    Flag("arm-endpoint", "URL", "another address of Azure Resource Manager; plain http on loopback only"),
    Flag("hub-id", "ID", "what this hub calls itself in Azure; without it, the uid of namespace kube-system"),
    Flag("tags", "K=V,...", "further tags for every profile"),
    Flag("dns-name-template", "TEMPLATE", "DNS names of new profiles, from {name} and {namespace}", "{name}"),
    Flag("weight-rounding", "RULE", "exact, or ceiling as Azure Kubernetes Fleet Manager rounds", EXACT),
    Flag("sweep-interval", "SECONDS", "time between two looks at everything in Azure, 5 to 3600", "60"),
    Flag(
        "max-removal-percent",
        "PERCENT",
        "how much of a profile may go in one sweep because exports vanished, 0 to 100; more is held",
        "50",
    ),
    Flag(
        "azure-calls-per-minute",
        "KIND=N,...",
        "what Azure allows the subscription, where that is not what Traffic Manager documents; kinds: profile-writes "
        "(600), profile-reads (450), profile-deletes (150), lists (450), name-checks (300), endpoint-writes (300)",
    ),
    Flag(
        "azure-budget-percent",
        "PERCENT",
        "how much of Azure's limits is used, 1 to 100; less where others work on the same subscription",
        "90",
    ),
    Flag("workers", "N", "how many profiles are worked on at once, 1 to 64", "16"),
    Flag("resolve-exports", "BOOL", "make ServiceImports from exports; false leaves that to others", "true", True),
    Flag(
        "resource-overrides",
        "WHO",
        "on: apply ResourceOverrides to exported services; off: leave that to others; auto: off where KubeFleet places "
        "workloads",
        AUTO,
    ),
    Flag("leader-elect", "BOOL", "let one replica work at a time; a dry run takes no part", "true", True),
    Flag(
        "leader-election-namespace",
        "NAMESPACE",
        "where the Lease lies; without it, the namespace of the pod, or default with a kubeconfig",
    ),
    Flag("lease-duration", "SECONDS", "how long a replica that fell silent is waited for, 6 to 300", "30"),
    Flag("lease-renew-interval", "SECONDS", "time between renewals, at most a sixth of the duration", "5"),
    Flag("metrics-bind-address", "[HOST]:PORT", "where /metrics is served; 0 turns it off", ":8080"),
    Flag("health-probe-bind-address", "[HOST]:PORT", "where /healthz and /readyz are served; 0 turns it off", ":8081"),
    Flag("log-level", "LEVEL", "debug, info, warning or error", "info"),
    Flag("log-format", "FORMAT", "json or console; without it, console on a terminal and json elsewhere"),
    Flag("dry-run", "BOOL", "decide and log everything, change nothing", "false", True),
)


class Parser(argparse.ArgumentParser):
    """A parser that raises UsageError instead of ending the process, and takes no abbreviations."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{**options, "allow_abbrev": False})

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Words that nobody knows are told of by the command that they were given to, not by the one above it."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def add_flags(parser: argparse.ArgumentParser, flags: Iterable[Flag]) -> None:
    """Every flag, as text: what it means is found out where the variables are known, too."""
    for flag in flags:
        name, shown = f"--{flag.name}", f" (default: {flag.default})" if flag.default else ""
        text = f"{flag.help}{shown} [{flag.variable}]" if flag.is_listed else argparse.SUPPRESS
        if flag.is_switch:
            parser.add_argument(name, dest=flag.name, nargs="?", const="true", metavar=flag.metavar, help=text)
            opposite = f"as {name}=false" if flag.is_listed else argparse.SUPPRESS
            parser.add_argument(f"--no-{flag.name}", dest=flag.name, action="store_const", const="false", help=opposite)
        else:
            names = (f"-{flag.short}", name) if flag.short else (name,)
            parser.add_argument(*names, dest=flag.name, metavar=flag.metavar, help=text)


class Reader:
    """Finds the value of a flag, and says where it came from when it is wrong."""

    def __init__(self, flags: Mapping[str, str | None], environment: Mapping[str, str], known: Iterable[Flag]) -> None:
        """`flags`: what was given, by name; `known`: the flags that there are."""
        self._flags = flags
        self._environment = environment
        self._known = {flag.name: flag for flag in known}

    def __call__(self, name: str, parse: Callable[[str], T]) -> T:
        source, text = self._given(name)
        return _parsed(source, text, parse) if text else parse(self._known[name].default)

    def optional(self, name: str, parse: Callable[[str], T]) -> T | None:
        source, text = self._given(name)
        return _parsed(source, text, parse) if text else None

    def required(self, name: str, parse: Callable[[str], T], meaning: str) -> T:
        found = self.optional(name, parse)
        if found is None:
            raise UsageError(f"--{name} is missing; give {meaning}, or set {self._known[name].variable}")
        return found

    def _given(self, name: str) -> tuple[str, str]:
        given = self._flags.get(name)
        if given is not None:
            return f"--{name}", given.strip()
        variable = self._known[name].variable
        return variable, self._environment.get(variable, "").strip()


def _parsed(source: str, text: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(text)
    except Unusable as error:
        raise UsageError(f"{source} is {text!r}; {error}") from None
