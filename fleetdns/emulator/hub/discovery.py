"""What a client learns about the server: its groups, versions and kinds, in the aggregated and in the older form."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_STATUS_VERBS = ("get", "patch", "update")
_FINALIZE_VERBS = ("update",)
_WRITES = ("patch", "create", "update")

# Questions that are asked by creating an object which is answered and never stored.
REVIEWS = (
    ("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview"),
    ("authentication.k8s.io", "v1", "tokenreviews", "TokenReview"),
    ("authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    ("authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
)

# Subresources that are created, as objects of another group's kind.
_CREATED = {
    ("", "serviceaccounts"): ("token", {"group": "authentication.k8s.io", "version": "v1", "kind": "TokenRequest"})
}


def with_reviews(kinds: Iterable[Served]) -> tuple[Served, ...]:
    """The kinds that are stored and those that are only asked, in the order of the registry."""
    reviews = (
        Served(
            group=group,
            version=version,
            plural=plural,
            singular=kind.lower(),
            kind=kind,
            list_kind="",
            namespaced=False,
            storage_version=version,
            openapi={},
            verbs=("create",),
        )
        for group, version, plural, kind in REVIEWS
    )
    return tuple(sorted((*kinds, *reviews), key=lambda served: served.group))


def aggregated(kinds: Iterable[Served], *, core: bool) -> Object:
    """All kinds of the core group, or of all others, in one document."""
    items = [
        {
            "metadata": {"name": group, "creationTimestamp": None} if group else {"creationTimestamp": None},
            "versions": [
                {"version": version, "resources": [_aggregated_kind(served) for served in of], "freshness": "Current"}
                for version, of in _by_version(members)
            ],
        }
        for group, members in _by_group(kinds)
        if (not group) is core
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated_kind(served: Served) -> Object:
    response = {"group": served.group, "version": served.version, "kind": served.kind}
    entry: Object = {
        "resource": served.plural,
        "responseKind": response,
        "scope": "Namespaced" if served.namespaced else "Cluster",
        "singularResource": served.singular,
        "verbs": list(_verbs(served)),
    }
    if served.short_names:
        entry["shortNames"] = list(served.short_names)
    if served.categories:
        entry["categories"] = list(served.categories)
    parts = [
        {"subresource": name, "responseKind": response, "verbs": list(_verbs_of(name))} for name in served.subresources
    ]
    for name, kind in _created(served):
        parts.append({"subresource": name, "responseKind": kind, "verbs": ["create"]})
    return entry | ({"subresources": parts} if parts else {})


def core_versions() -> Object:
    """/api in its older form."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def group_list(kinds: Iterable[Served]) -> Object:
    """/apis in its older form."""
    groups = [_group(group, members) for group, members in _by_group(kinds) if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group_document(kinds: Iterable[Served], group: str) -> Object | None:
    """/apis/GROUP, or None where nothing of that group is served."""
    for name, members in _by_group(kinds):
        if name == group:
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name, members)
    return None


def resource_list(kinds: Iterable[Served], group: str, version: str) -> Object | None:
    """/apis/GROUP/VERSION, or None where nothing of it is served."""
    members = [served for served in kinds if (served.group, served.version) == (group, version)]
    if not members:
        return None
    entries: list[Object] = []
    for served in members:
        entries.append(_entry(served, "", _verbs(served)))
        entries += [_entry(served, f"/{name}", _verbs_of(name)) for name in served.subresources]
        entries += [_entry(served, f"/{name}", ("create",)) | kind for name, kind in _created(served)]
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _entry(served: Served, suffix: str, verbs: Iterable[str]) -> Object:
    entry: Object = {
        "name": served.plural + suffix,
        "singularName": "" if suffix else served.singular,
        "namespaced": served.namespaced,
        "kind": served.kind,
        "verbs": list(verbs),
    }
    if not suffix and served.short_names:
        entry["shortNames"] = list(served.short_names)
    if not suffix and served.categories:
        entry["categories"] = list(served.categories)
    return entry


def _created(served: Served) -> tuple[tuple[str, Object], ...]:
    found = _CREATED.get((served.group, served.plural))
    return (found,) if found else ()


def _verbs(served: Served) -> tuple[str, ...]:
    """A kind that is being taken away offers no writes, though those to what is there are still accepted."""
    return tuple(verb for verb in served.verbs if verb not in _WRITES) if served.terminating else served.verbs


def _verbs_of(subresource: str) -> tuple[str, ...]:
    return _FINALIZE_VERBS if subresource == "finalize" else _STATUS_VERBS


def _group(name: str, members: list[Served]) -> Object:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version, _ in _by_version(members)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _by_group(kinds: Iterable[Served]) -> list[tuple[str, list[Served]]]:
    return [(group, list(members)) for group, members in groupby(kinds, key=lambda served: served.group)]


def _by_version(kinds: Iterable[Served]) -> list[tuple[str, list[Served]]]:
    return [(version, list(members)) for version, members in groupby(kinds, key=lambda served: served.version)]
