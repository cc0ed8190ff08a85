"""What each right is for, which claim of the story does not come true without it, and where that is named.

python -m tests.rights.table writes docs/rights.md anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tests.apiserver.deployed import NAMESPACE
from tests.rights import story
from tests.rights.grants import Right

GROUP = "networking.fleet.azure.com"
PROFILES, BACKENDS = "trafficmanagerprofiles", "trafficmanagerbackends"
IMPORTS, EXPORTS = "serviceimports", "internalserviceexports"
NAMESPACES, MEMBERS, OVERRIDES = "namespaces", "memberclusters", "resourceoverrides"
CLUSTER_GROUP, PLACEMENT_GROUP = "cluster.kubernetes-fleet.io", "placement.kubernetes-fleet.io"

Place = Literal["readyz", "log", "status", "metrics"]


class Sign(NamedTuple):
    """`words` stand there once the right is missed."""

    place: Place
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """`broken`: the claim of the story that does not come true. `named`: readyz last, for it names all that is late."""

    right: Right
    purpose: str
    broken: str
    named: tuple[Sign, ...]

    def __str__(self) -> str:
        return f"without {self.right} it is not true that {self.broken}"


def _log(right: Right) -> Sign:
    """The API server's own words, which fleetdns passes on."""
    return Sign("log", f'cannot {right.verb} resource "{right.resource}"')


def _cache(plural: str, verb: str, purpose: str, group: str) -> Row:
    right = Right(group, plural, verb)
    unready = Sign("readyz", f"[-]caches failed: not in step with the hub: {plural}")
    told = Sign("log", f"the hub does not let fleetdns list and watch {plural}")
    return Row(right, purpose, story.READY, (told, _log(right), unready))


def _caches(plural: str, what: str, group: str = GROUP) -> tuple[Row, ...]:
    return (
        _cache(plural, "list", f"read {what} at the start, and after a watch that was cut off for long", group),
        _cache(plural, "watch", f"hear of every change to {what}", group),
    )


def _write(
    resource: str, verb: str, purpose: str, broken: str, *named: Sign, controller: str = "trafficmanagerprofile"
) -> Row:
    right = Right(GROUP, resource, verb)
    counted = Sign("metrics", f'fleetdns_reconcile_total{{controller="{controller}",result="forbidden"}}')
    return Row(right, purpose, broken, (*named, _log(right), counted))


def _resolution(resource: str, verb: str, purpose: str, broken: str, *named: Sign) -> Row:
    return _write(resource, verb, purpose, broken, *named, controller="serviceexport")


def _event(verb: str, purpose: str, broken: str) -> Row:
    right = Right("", "events", verb)
    told = Sign("log", f"the hub does not let fleetdns {verb} events")
    return Row(right, purpose, broken, (told, _log(right)))


def _lease(verb: str, purpose: str, broken: str, named: Sign, name: str = "fleetdns") -> Row:
    right = Right("coordination.k8s.io", "leases", verb, name, NAMESPACE)
    return Row(right, purpose, broken, (_log(right), named))


def _definition(plural: str) -> Row:
    right = Right("apiextensions.k8s.io", "customresourcedefinitions", "get", f"{plural}.{GROUP}")
    purpose = "see that the kind stays, before anything is removed from Azure because its objects are gone"
    told = Sign("log", f"the hub does not let fleetdns get CustomResourceDefinition {right.name}")
    return Row(right, purpose, story.BACKEND_GONE, (told, _log(right)))


_UNGUARDED = Sign("status", "the hub does not take the finalizer on this object")
_CANDIDATE = Sign("readyz", f"[-]leader-election failed: Lease {NAMESPACE}/fleetdns")

ROWS: tuple[Row, ...] = (
    *_caches(PROFILES, "the profiles"),
    _write(
        PROFILES,
        "patch",
        "put the finalizer on before the first Azure write, take it off when Azure holds nothing any more",
        story.PROGRAMMED,
        _UNGUARDED,
    ),
    _write(f"{PROFILES}/status", "patch", "say what became of a profile", story.PROGRAMMED),
    *_caches(BACKENDS, "the backends"),
    _write(
        BACKENDS,
        "patch",
        "put the finalizer on before the first endpoint, take it off when none is left",
        story.ACCEPTED,
        _UNGUARDED,
    ),
    _write(f"{BACKENDS}/status", "patch", "say what became of a backend, and who is rejected", story.ACCEPTED),
    *_caches(EXPORTS, "what member clusters export"),
    _resolution(
        EXPORTS,
        "patch",
        "put the outcome of ResourceOverrides on; take off the finalizer that Fleet's own controller left",
        story.LET_GO,
    ),
    _resolution(f"{EXPORTS}/status", "patch", "tell an exporter whether its export counts", story.JUDGED),
    *_caches(IMPORTS, "the imports"),
    _resolution(
        IMPORTS,
        "create",
        "make the import of a service that is exported",
        story.IMPORTED,
        Sign("status", "the hub cannot hold a ServiceImport work/app"),
    ),
    _resolution(f"{IMPORTS}/status", "patch", "keep the ports and clusters of an import", story.IMPORTED),
    _resolution(IMPORTS, "delete", "remove it with the last export", story.UNIMPORTED),
    *_caches(NAMESPACES, "the members' namespaces, their labels and annotations", ""),
    *_caches(MEMBERS, "member clusters as KubeFleet keeps them", CLUSTER_GROUP),
    *_caches(OVERRIDES, "what is to be different in some clusters", PLACEMENT_GROUP),
    _event("create", "tell people who look with `kubectl describe`", story.TOLD),
    _event("patch", "count an event that repeats instead of telling it again", story.COUNTED),
    Row(
        Right("", "namespaces", "get", "kube-system"),
        "its uid is the hub's id, which marks Azure profiles as this hub's; not needed with `--hub-id`",
        story.READY,
        (
            Sign("log", "the hub does not let fleetdns read namespace kube-system"),
            _log(Right("", "namespaces", "get")),
            Sign("readyz", "[-]hub failed: the hub cluster has not answered yet"),
        ),
    ),
    *(_definition(plural) for plural in (PROFILES, BACKENDS, IMPORTS, EXPORTS)),
    _lease("get", "see who leads", story.READY, _CANDIDATE),
    _lease("create", "make the Lease that is not there yet", story.READY, _CANDIDATE, name=""),
    _lease("update", "take the Lease, renew it, give it back", story.RENEWED, Sign("log", "the lease cannot be had")),
)


def markdown(rows: Iterable[Row]) -> str:
    """The table as docs/rights.md has it."""
    lines = ["| right | for | without it, not true | named in |", "|---|---|---|---|"]
    lines += [f"| {_right(row.right)} | {row.purpose} | {row.broken} | {_signs(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _right(right: Right) -> str:
    where = f" `{right.name}`" if right.name else ""
    return f"`{right.verb}` `{right.resource}`{where}" + (f" in `{right.namespace}`" if right.namespace else "")


def _signs(row: Row) -> str:
    return "<br>".join(f"{sign.place}: `{sign.words}`" for sign in row.named)


if __name__ == "__main__":
    from tests.rights import page

    page.PAGE.write_text(page.page())
