"""The schemas of the kinds that give rights: what may be done, and who may do it."""

from typing import Any

from fleetdns.emulator.hub.schema_parts import listed, record, text, texts, whole

GROUP = "rbac.authorization.k8s.io"
_ATOMIC = {"x-kubernetes-map-type": "atomic"}


def _words(description: str) -> dict[str, Any]:
    return listed(description, text("One of them."))


_RULE = record(
    "One set of things that may be done.",
    {
        "verbs": _words("What may be done; * is everything."),
        "apiGroups": _words("The groups of the kinds; an empty word is the core group."),
        "resources": _words("The kinds by their plural, or parts of them as plural/part."),
        "resourceNames": _words("The only objects that are meant."),
        "nonResourceURLs": _words("Pages of the server that may be read."),
    },
)

_SUBJECT = record(
    "Somebody.",
    {
        "kind": text("User, Group or ServiceAccount."),
        "apiGroup": text("The group of that kind."),
        "name": text("The name."),
        "namespace": text("Where a ServiceAccount lies."),
    },
    **_ATOMIC,
)

_REFERENCE = record(
    "The role; it cannot become another one.",
    {
        "apiGroup": text("The group of the role's kind.", default=GROUP),
        "kind": text("Role or ClusterRole."),
        "name": text("The role's name."),
    },
    **_ATOMIC,
)

_SELECTOR = record(
    "Roles by their labels.",
    {
        "matchLabels": texts("Labels that they have."),
        "matchExpressions": listed(
            "Conditions on labels.",
            record("One.", {"key": text("Label."), "operator": text("Comparison."), "values": _words("Values.")}),
        ),
    },
    **_ATOMIC,
)

ROLE = whole("What may be done in one namespace.", {"rules": listed("All of it.", _RULE)})
CLUSTER_ROLE = whole(
    "What may be done anywhere, or in the namespace of a binding.",
    {
        "rules": listed("All of it.", _RULE),
        "aggregationRule": record(
            "Which roles it is made of.", {"clusterRoleSelectors": listed("They are selected.", _SELECTOR)}
        ),
    },
)
ROLE_BINDING = whole(
    "Who may do in this namespace what a role says.",
    {"subjects": listed("They.", _SUBJECT), "roleRef": _REFERENCE},
)
CLUSTER_ROLE_BINDING = whole(
    "Who may do anywhere what a role says.", {"subjects": listed("They.", _SUBJECT), "roleRef": _REFERENCE}
)
