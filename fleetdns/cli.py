"""The fleetdns command: finds the subcommand and turns its end into an exit code.

0 stopped as asked, 1 failure, 2 usage, 3 plan has changes, 130 broken off before the answer. What is wrong with the
input or the surroundings is one sentence on stderr, never a traceback. Each subcommand imports what it needs only when
it is called: --help answers at once.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from fleetdns import __version__
from fleetdns.api.meta import ObjectKey
from fleetdns.errors import Deferred, FleetDNSError, Throttled, UsageError
from fleetdns.settings import settings_from
from fleetdns.settings.flags import FLAGS, Parser, add_flags
from fleetdns.settings.member import MEMBER_FLAGS, member_settings_from
from fleetdns.settings.memberaccess import MEMBER_ACCESS_FLAGS, member_access_from
from fleetdns.settings.reports import (
    EXPLAIN_FLAGS,
    ORPHANS_FLAGS,
    PLAN_FLAGS,
    STATUS_FLAGS,
    azure_report_from,
    hub_report_from,
)
from fleetdns.settings.values import Unusable, object_key, whole_number

OK, FAILURE, USAGE = 0, 1, 2
INTERRUPTED = 130  # as shells have it: no answer must not look like a good one

Subparsers: TypeAlias = "argparse._SubParsersAction[Parser]"

_PRECEDENCE = "Every flag is also a variable, named at its end; the flag wins."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that `arguments` (default: the process's own) ask for; returns the exit code."""
    stopped = OK
    try:
        chosen = _parser().parse_args(arguments)
        execute: Callable[[argparse.Namespace], int] = chosen.execute
        stopped = chosen.stopped
        return execute(chosen)
    except UsageError as error:
        return _failed(error, USAGE)
    except FleetDNSError as error:
        return _failed(error, FAILURE)
    except KeyboardInterrupt:
        return stopped


def _failed(error: Exception, code: int) -> int:
    later = f"; try again in {math.ceil(error.retry_after)} s" if isinstance(error, Throttled | Deferred) else ""
    sys.stderr.write(f"fleetdns: {str(error).rstrip('.') if later else error}{later}\n")
    return code


def _parser() -> Parser:
    parser = Parser(
        prog="fleetdns",
        description="One DNS name for a service that runs in many Kubernetes clusters, kept in Azure Traffic Manager.",
    )
    parser.add_argument("--version", action="version", version=f"fleetdns {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    parser.set_defaults(stopped=OK)
    _add_run(commands)
    _add_member(commands)
    _add_member_kubeconfig(commands)
    _add_plan(commands)
    _add_status(commands)
    _add_explain(commands)
    _add_orphans(commands)
    _add_demo(commands)
    _add_emulate(commands)
    return parser


def _add_run(commands: Subparsers) -> None:
    run = commands.add_parser("run", help="the hub controller", description=f"The hub controller. {_PRECEDENCE}")
    add_flags(run, FLAGS)
    run.set_defaults(execute=_run)


def _add_member(commands: Subparsers) -> None:
    text = "the agent of one member cluster"
    member = commands.add_parser("member", help=text, description=f"{_sentence(text)} {_PRECEDENCE}")
    add_flags(member, MEMBER_FLAGS)
    member.set_defaults(execute=_member)


def _add_member_kubeconfig(commands: Subparsers) -> None:
    text = "credentials for the agent of one member cluster, by an administrator's kubeconfig of the hub"
    access = commands.add_parser(
        "member-kubeconfig", help=text, description=f"{_sentence(text)} The kubeconfig goes to stdout. {_PRECEDENCE}"
    )
    access.add_argument("cluster", metavar="CLUSTER", help="the member cluster's name in the fleet")
    add_flags(access, MEMBER_ACCESS_FLAGS)
    access.set_defaults(execute=_member_kubeconfig, stopped=INTERRUPTED)


def _add_plan(commands: Subparsers) -> None:
    text = "the calls that a freshly started run would make in Azure now; changes nothing"
    plan = commands.add_parser(
        "plan",
        help=text,
        description=f"{_sentence(text)} Exit code 0: none, 3: some. {_PRECEDENCE} "
        "The other flags of run are taken, too, and change nothing.",
    )
    add_flags(plan, PLAN_FLAGS)
    _add_all_namespaces(plan)
    plan.set_defaults(execute=_plan, stopped=INTERRUPTED)


def _add_status(commands: Subparsers) -> None:
    text = "profiles, their endpoints, shares of the traffic, health and last errors, as the hub has them"
    status = commands.add_parser("status", help=text, description=f"{_sentence(text)} {_PRECEDENCE}")
    add_flags(status, STATUS_FLAGS)
    _add_all_namespaces(status)
    status.set_defaults(execute=_status, stopped=INTERRUPTED)


def _add_explain(commands: Subparsers) -> None:
    text = "per cluster, the first thing that keeps an exported Service from traffic, and what to do about it"
    explain = commands.add_parser("explain", help=text, description=f"{_sentence(text)} {_PRECEDENCE}")
    explain.add_argument(
        "key",
        metavar="NAMESPACE/NAME",
        help="the Service; also a TrafficManagerBackend or TrafficManagerProfile; with --namespace the name alone",
    )
    add_flags(explain, EXPLAIN_FLAGS)
    explain.set_defaults(execute=_explain, stopped=INTERRUPTED)


def _add_orphans(commands: Subparsers) -> None:
    text = "Azure profiles of this hub that no TrafficManagerProfile stands for"
    orphans = commands.add_parser(
        "orphans", help=text, description=f"{_sentence(text)} Deletes those that are named, and no other. {_PRECEDENCE}"
    )
    orphans.add_argument("--delete", nargs="+", metavar="NAME", default=[], help="names, or resource ids, to delete")
    add_flags(orphans, ORPHANS_FLAGS)
    _add_all_namespaces(orphans)
    orphans.set_defaults(execute=_orphans, stopped=INTERRUPTED)


def _add_all_namespaces(parser: Parser) -> None:
    """What is so without --namespace, for fingers that are used to kubectl; it also sets the variable aside."""
    text = "the objects of every namespace, as without --namespace"
    parser.add_argument("-A", "--all-namespaces", dest="namespace", action="store_const", const="", help=text)


def _add_demo(commands: Subparsers) -> None:
    text = "embedded hub, Azure and DNS on loopback, the real controller against them, and a narrated scenario"
    demo = commands.add_parser("demo", help=text, description=_sentence(text))
    demo.add_argument("--once", action="store_true", help="end after the scenario instead of leaving everything up")
    demo.set_defaults(execute=_demo)


def _add_emulate(commands: Subparsers) -> None:
    text = "one embedded server alone, on loopback, until Ctrl-C"
    servers = commands.add_parser("emulate", help=text, description=_sentence(text)).add_subparsers(
        title="servers", metavar="SERVER", required=True
    )
    hub = _add_server(servers, "hub", "a Kubernetes API server over https, with a token and without CRDs")
    hub.add_argument("--kubeconfig", metavar="FILE", help="where to write the kubeconfig (default: a temporary file)")
    hub.set_defaults(execute=_emulate_hub)
    azure = _add_server(servers, "azure", "Traffic Manager over plain http: every subscription and group exists")
    azure.add_argument("--strict-public-ips", action="store_true", help="refuse targets that were never registered")
    azure.set_defaults(execute=_emulate_azure)
    dns = _add_server(servers, "dns", "a name server, UDP and TCP, for what that Traffic Manager holds")
    dns.add_argument("--azure", metavar="URL", required=True, help="the address that `emulate azure` prints")
    dns.set_defaults(execute=_emulate_dns)


def _add_server(servers: Subparsers, name: str, text: str) -> Parser:
    server = servers.add_parser(name, help=text, description=_sentence(text))
    # No variables here: FLEETDNS_PORT is what Kubernetes itself sets in pods beside a Service called fleetdns, and
    # FLEETDNS_KUBECONFIG names the file that `run` reads, which an emulator must not replace.
    server.add_argument("--port", type=_port, default=0, metavar="N", help="default: a free one")
    return server


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _port(text: str) -> int:
    try:
        return whole_number(0, 65535)(text)
    except Unusable as error:
        raise UsageError(f"--port is {text!r}; {error}") from None


def _run(chosen: argparse.Namespace) -> int:
    settings = settings_from(vars(chosen), os.environ)
    from fleetdns.app import hub
    from fleetdns.commands.run import run

    return run(settings, hub.run)


def _member(chosen: argparse.Namespace) -> int:
    settings = member_settings_from(vars(chosen), os.environ)
    from fleetdns.app import member
    from fleetdns.commands.run import run

    return run(settings, member.run)


def _member_kubeconfig(chosen: argparse.Namespace) -> int:
    access = member_access_from(chosen.cluster, vars(chosen), os.environ)
    from fleetdns.commands.member_kubeconfig import member_kubeconfig

    return member_kubeconfig(access)


def _plan(chosen: argparse.Namespace) -> int:
    report = azure_report_from(vars(chosen), os.environ)
    from fleetdns.commands.plan import plan

    return plan(report)


def _status(chosen: argparse.Namespace) -> int:
    report = hub_report_from(vars(chosen), os.environ)
    from fleetdns.commands.status import status

    return status(report)


def _explain(chosen: argparse.Namespace) -> int:
    report = hub_report_from(vars(chosen), os.environ)
    key = _key(chosen.key, report.namespace)
    if chosen.namespace and key.namespace != chosen.namespace:
        raise UsageError(f"{chosen.key} is not in namespace {chosen.namespace}; leave --namespace away")
    from fleetdns.commands.explain import explained

    return explained(report, key)


def _key(text: str, namespace: str | None) -> ObjectKey:
    """The object that is meant; `namespace`: where it is if the text does not say so. Raises UsageError."""
    try:
        return object_key(f"{namespace}/{text}" if namespace and "/" not in text else text)
    except Unusable as error:
        raise UsageError(f"{text!r} is no object; {error}") from None


def _orphans(chosen: argparse.Namespace) -> int:
    report = azure_report_from(vars(chosen), os.environ)
    from fleetdns.commands.orphans import orphans

    return orphans(report, chosen.delete)


def _demo(chosen: argparse.Namespace) -> int:
    from fleetdns.emulate import needing_emulators

    with needing_emulators():
        from fleetdns.demo import run

    return run(once=chosen.once)


def _emulate_hub(chosen: argparse.Namespace) -> int:
    from fleetdns.emulate import emulate_hub

    return emulate_hub(port=chosen.port, kubeconfig=chosen.kubeconfig)


def _emulate_azure(chosen: argparse.Namespace) -> int:
    from fleetdns.emulate import emulate_azure

    return emulate_azure(port=chosen.port, strict_public_ips=chosen.strict_public_ips)


def _emulate_dns(chosen: argparse.Namespace) -> int:
    from fleetdns.emulate import emulate_dns

    return emulate_dns(port=chosen.port, azure=chosen.azure)
