"""Who may do what, by roles and bindings (RBAC): the rules that a user's bindings give, and whether one of them fits.

Bindings count as they are stored at the moment of a request. A watch that is open goes on, as on a real server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.rights_schemas import GROUP
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key, Store
from fleetdns.emulator.hub.tokens import User

_MASTERS = "system:masters"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody is about to do: to objects of a kind, or with `path` to a page of the server.

    `resource` may be plural/part; `namespace` and `name` are empty where none was named.
    """

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`why`: which roles of the user's bindings are missing, if it is refused."""

    is_allowed: bool
    why: str = ""


class Authorization:
    """Judges by what lies in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, list[Object]] = {}  # by the store's word for the kind, until something is written

    def stored(self, served: Served) -> None:
        """An object was written or deleted."""
        if served.group == GROUP:
            self._known.clear()

    def judged(self, user: User, attempt: Attempt) -> Verdict:
        if _MASTERS in user.groups:
            return Verdict(True)
        missing: list[str] = []
        if any(_fits(rule, attempt) for rule in self.rules(user, attempt.namespace, missing)):
            return Verdict(True)
        return Verdict(False, f"RBAC: {_aggregate(missing)}" if missing else "")

    def rules(self, user: User, namespace: str, missing: list[str] | None = None) -> Iterator[Object]:
        """Every rule that counts for the user in a namespace, or with "" in the whole cluster.

        `missing` takes a sentence for each role that is bound and not there.
        """
        bindings = list(self._objects("clusterrolebindings"))
        if namespace:
            bindings += [one for one in self._objects("rolebindings") if one["metadata"]["namespace"] == namespace]
        for binding in bindings:
            if any(_is(subject, user, namespace) for subject in binding.get("subjects") or ()):
                yield from self._rules_of(binding["roleRef"], namespace, missing if missing is not None else [])

    def _rules_of(self, reference: Object, namespace: str, missing: list[str]) -> Iterator[Object]:
        is_local = reference["kind"] == "Role"
        key = Key(namespace if is_local else "", reference["name"])
        version = self._store.get(f"{'roles' if is_local else 'clusterroles'}.{GROUP}", key)
        if version is None:
            missing.append(f'{reference["kind"].lower()}.{GROUP} "{reference["name"]}" not found')
            return
        yield from version.decoded().get("rules") or ()

    def _objects(self, plural: str) -> list[Object]:
        resource = f"{plural}.{GROUP}"
        if resource not in self._known:
            self._known[resource] = [version.decoded() for _, version in self._store.scan(resource, None)]
        return self._known[resource]


def _is(subject: Object, user: User, namespace: str) -> bool:
    match subject.get("kind"):
        case "User":
            return bool(subject["name"] == user.name)
        case "Group":
            return subject["name"] in user.groups
        case _:
            home = subject.get("namespace") or namespace
            return user.name == f"system:serviceaccount:{home}:{subject['name']}"


def _fits(rule: Object, attempt: Attempt) -> bool:
    if not _has(rule, "verbs", attempt.verb):
        return False
    if attempt.path:
        return any(_is_below(attempt.path, page) for page in rule.get("nonResourceURLs") or ())
    names = rule.get("resourceNames")
    return (
        _has(rule, "apiGroups", attempt.group)
        and _names_resource(rule.get("resources") or (), attempt.resource)
        and (not names or attempt.name in names)
    )


def _has(rule: Object, part: str, word: str) -> bool:
    words = rule.get(part) or ()
    return "*" in words or word in words


def _names_resource(resources: tuple[str, ...] | list[str], resource: str) -> bool:
    _, slash, part = resource.partition("/")
    return "*" in resources or resource in resources or (bool(slash) and f"*/{part}" in resources)


def _is_below(path: str, page: str) -> bool:
    return page in ("*", path) or (page.endswith("*") and path.startswith(page[:-1]))


def _aggregate(texts: list[str]) -> str:
    unique = list(dict.fromkeys(texts))
    return unique[0] if len(unique) == 1 else f"[{', '.join(unique)}]"
