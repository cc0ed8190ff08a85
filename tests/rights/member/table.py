"""What each right of a member's agent is for, on the hub and in its own cluster, and what is seen without it."""

from __future__ import annotations

from tests.rights.grants import Right
from tests.rights.member import story
from tests.rights.member.places import ACCOUNT, HUB_NAMESPACE, OWN_NAMESPACE
from tests.rights.table import EXPORTS, GROUP, Place, Row, Sign

SERVICE_EXPORTS = "serviceexports"
_COUNTED = Sign("metrics", 'fleetdns_reconcile_total{controller="serviceexport",result="forbidden"}')


def _refused(right: Right) -> Sign:
    """The API server's own words, which fleetdns passes on."""
    return _cannot("log", right)


def _cannot(place: Place, right: Right) -> Sign:
    return Sign(place, f'cannot {right.verb} resource "{right.resource}"')


def _cache(right: Right, purpose: str) -> Row:
    told = Sign("log", f"let fleetdns list and watch {right.resource}")
    return Row(right, purpose, story.READY, (told, _refused(right), Sign("readyz", "[-]caches failed")))


def _caches(group: str, plural: str, what: str, namespace: str = "") -> tuple[Row, ...]:
    return (
        _cache(Right(group, plural, "list", "", namespace), f"read {what} at the start, and after a long silence"),
        _cache(Right(group, plural, "watch", "", namespace), f"hear of every change to {what}"),
    )


def _work(right: Right, purpose: str, broken: str, *named: Sign) -> Row:
    return Row(right, purpose, broken, (*named, _refused(right), _COUNTED))


def _on_hub(verb: str, purpose: str, broken: str, *named: Sign) -> Row:
    return _work(Right(GROUP, EXPORTS, verb, "", HUB_NAMESPACE), purpose, broken, *named)


def _event(verb: str, purpose: str, broken: str) -> Row:
    right = Right("", "events", verb)
    return Row(right, purpose, broken, (Sign("log", f"let fleetdns {verb} events"), _refused(right)))


def _lease(verb: str, purpose: str, broken: str, named: Sign, name: str = ACCOUNT) -> Row:
    right = Right("coordination.k8s.io", "leases", verb, name, OWN_NAMESPACE)
    return Row(right, purpose, broken, (_refused(right), named))


def _secret(verb: str, purpose: str) -> Row:
    right = Right("", "secrets", verb, "fleetdns-hub", OWN_NAMESPACE)
    told = Sign("log", "the renewed token cannot be written back")
    return Row(right, purpose, story.TOKEN_RENEWED, (told, _refused(right)))


_CANDIDATE = Sign("readyz", f"[-]leader-election failed: Lease {OWN_NAMESPACE}/{ACCOUNT}")
_TOKEN = Right("", "serviceaccounts/token", "create", ACCOUNT, HUB_NAMESPACE)
_DEFINITION = Right("apiextensions.k8s.io", "customresourcedefinitions", "get", f"{SERVICE_EXPORTS}.{GROUP}")

HUB_ROWS: tuple[Row, ...] = (
    *_caches(GROUP, EXPORTS, "what this cluster has offered, and what the hub says to it", HUB_NAMESPACE),
    _on_hub("create", "offer a Service", story.OFFERED, Sign("status", f'cannot create resource "{EXPORTS}"')),
    _on_hub(
        "patch",
        "offer what changed; say that it goes on purpose, before it goes",
        story.WEIGHED,
        Sign("status", f'cannot patch resource "{EXPORTS}"'),
    ),
    _on_hub("get", "look at what is really there, before a ServiceExport is let go", story.WITHDRAWN),
    _on_hub("delete", "withdraw it", story.WITHDRAWN),
    Row(
        _TOKEN,
        "have its next token before the present one ends",
        story.TOKEN_RENEWED,
        (Sign("log", "the token for the hub cannot be renewed"), _refused(_TOKEN)),
    ),
)

CLUSTER_ROWS: tuple[Row, ...] = (
    *_caches(GROUP, SERVICE_EXPORTS, "the ServiceExports"),
    _work(
        Right(GROUP, SERVICE_EXPORTS, "patch"),
        "put the finalizer on before anything is offered, take it off when nothing is any more",
        story.OFFERED,
    ),
    _work(
        Right(GROUP, f"{SERVICE_EXPORTS}/status", "patch"),
        "say whether a Service is exported, and whether it conflicts",
        story.VALID,
    ),
    *_caches("", "services", "the Services"),
    _work(
        Right("", "services", "patch"),
        "set the DNS label that a ResourceOverride gives, where nobody else has set one",
        story.LABELLED,
    ),
    _event("create", "tell people who look with `kubectl describe`", story.TOLD),
    _event("patch", "count an event that repeats instead of telling it again", story.COUNTED),
    Row(
        _DEFINITION,
        "see that the kind stays, before anything is withdrawn because its objects are gone",
        story.WITHDRAWN,
        (Sign("log", f"let fleetdns get CustomResourceDefinition {_DEFINITION.name}"), _refused(_DEFINITION)),
    ),
    _secret("get", "see that the Secret still holds the kubeconfig that it came with"),
    _secret("patch", "put the renewed token into it"),
    _lease("get", "see who leads", story.READY, _CANDIDATE),
    _lease("create", "make the Lease that is not there yet", story.READY, _CANDIDATE, name=""),
    _lease(
        "update", "take the Lease, renew it, give it back", story.LEASE_RENEWED, Sign("log", "the lease cannot be had")
    ),
)
