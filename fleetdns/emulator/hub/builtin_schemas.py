"""The schemas of the built-in kinds: as much of them as clients here read and write.

Where a kind has more fields than are listed, they are kept as they come.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, **more}


def _time(description: str) -> dict[str, Any]:
    return _text(description, format="date-time")


def _number(description: str) -> dict[str, Any]:
    return {"type": "integer", "description": description}


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}


def _texts(description: str) -> dict[str, Any]:
    return {"type": "object", "description": description, "additionalProperties": {"type": "string"}}


def _object(description: str, properties: Schema, **more: Any) -> dict[str, Any]:
    return {"type": "object", "description": description, "properties": dict(properties), **more}


def _list(description: str, items: Schema, *keys: str) -> dict[str, Any]:
    """A list keyed by the given fields of its items, atomic without any."""
    kind = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)} if keys else {}
    return {"type": "array", "description": description, "items": dict(items), **kind}


_OPEN = {"x-kubernetes-preserve-unknown-fields": True}


def _kind(description: str, properties: Schema) -> dict[str, Any]:
    implied = {
        "apiVersion": _text("Group and version of the schema this object is written in."),
        "kind": _text("The kind of object this is, as the API names it."),
        "metadata": {"type": "object"},
    }
    return _object(description, {**implied, **properties})


_CONDITION = _object(
    "One finding about this object.",
    {
        "type": _text("The claim that is judged."),
        "status": _text("Whether the claim holds: True, False or Unknown."),
        "reason": _text("The finding as one word for programs."),
        "message": _text("The finding as a sentence for people."),
        "lastTransitionTime": _time("When status last changed."),
    },
    required=["type", "status"],
    **_OPEN,
)

_REFERENCE = _object(
    "Which object is meant.",
    {
        "apiVersion": _text("API version of the object."),
        "kind": _text("Kind of the object."),
        "namespace": _text("Namespace of the object."),
        "name": _text("Name of the object."),
        "uid": _text("Identity of the object."),
        "resourceVersion": _text("The version of the object that is meant."),
        "fieldPath": _text("The part of the object that is meant."),
    },
    **{"x-kubernetes-map-type": "atomic"},
)

CONFIG_MAP = _kind(
    "Configuration as named texts.",
    {
        "data": _texts("Texts by name."),
        "binaryData": _texts("Base64 of bytes by name."),
        "immutable": _flag("Whether the contents can no longer change."),
    },
)

SECRET = _kind(
    "Confidential values by name.",
    {
        "data": _texts("Base64 of the values by name."),
        "stringData": _texts("Values as plain text, for writing only; they end up in data."),
        "type": _text("What the secret is for."),
        "immutable": _flag("Whether the contents can no longer change."),
    },
)

NAMESPACE = _kind(
    "A scope for names and for rights.",
    {
        "spec": _object(
            "What holds the namespace.",
            {"finalizers": _list("Who has to clean up before the namespace may go.", _text("One of them."))},
        ),
        "status": _object(
            "Whether the namespace is in use.",
            {
                "phase": _text("Active, or Terminating while it is being deleted."),
                "conditions": _list("Findings about its deletion.", _CONDITION, "type"),
            },
        ),
    },
)

EVENT = _kind(
    "Something that happened to an object, kept for a while.",
    {
        "involvedObject": _REFERENCE,
        "reason": _text("Why, as one word for programs."),
        "message": _text("What happened, as a sentence."),
        "type": _text("Normal or Warning."),
        "source": _object("Who noticed.", {"component": _text("Its name."), "host": _text("Where it runs.")}),
        "count": _number("How often it happened."),
        "firstTimestamp": _time("When it happened first."),
        "lastTimestamp": _time("When it happened last."),
        "eventTime": _time("When it was noticed, to the microsecond."),
        "series": _object(
            "Repetitions of it.",
            {"count": _number("How many."), "lastObservedTime": _time("When it was last noticed.")},
        ),
        "action": _text("What was being done."),
        "related": _REFERENCE,
        "reportingComponent": _text("Name of the controller that reports it."),
        "reportingInstance": _text("Which instance of the controller reports it."),
    },
)

SERVICE_ACCOUNT = _kind(
    "An identity for programs.",
    {
        "secrets": _list("Secrets that the programs may use.", _REFERENCE),
        "imagePullSecrets": _list("Secrets for pulling images.", _object("One of them.", {"name": _text("Its name.")})),
        "automountServiceAccountToken": _flag("Whether pods get a token without asking."),
    },
)

_SERVICE_PORT = _object(
    "One port.",
    {
        "name": _text("The port's name within the Service."),
        "protocol": _text("TCP, UDP or SCTP.", default="TCP"),
        "appProtocol": _text("What is spoken on the port."),
        "port": _number("The port of the Service."),
        "targetPort": {"x-kubernetes-int-or-string": True, "description": "Number or name of the port of the pods."},
        "nodePort": _number("The port on every node."),
    },
    required=["port"],
)

SERVICE = _kind(
    "A name and an address for a set of pods.",
    {
        "spec": _object(
            "How the Service is reached, and by which pods.",
            {
                "type": _text("ClusterIP, NodePort, LoadBalancer or ExternalName."),
                "ports": _list("Its ports.", _SERVICE_PORT, "port", "protocol"),
                "selector": _texts("Labels of the pods."),
                "clusterIP": _text("Its address inside the cluster, or None."),
                "clusterIPs": _list("All its addresses inside the cluster.", _text("An address.")),
                "externalName": _text("The DNS name it stands for."),
                "loadBalancerIP": _text("The address asked of the load balancer."),
            },
            **_OPEN,
        ),
        "status": _object(
            "What became of it.",
            {
                "loadBalancer": _object(
                    "What the load balancer gave.",
                    {
                        "ingress": _list(
                            "Where it is reached.",
                            _object(
                                "One place.", {"ip": _text("An address."), "hostname": _text("A DNS name.")}, **_OPEN
                            ),
                        )
                    },
                ),
                "conditions": _list("Findings about it.", _CONDITION, "type"),
            },
        ),
    },
)

LEASE = _kind(
    "A lock that has to be renewed.",
    {
        "spec": _object(
            "Who holds it, and for how long.",
            {
                "holderIdentity": _text("The holder; empty means free."),
                "leaseDurationSeconds": _number("Seconds without renewal after which others may take it."),
                "acquireTime": _time("When the holder took it."),
                "renewTime": _time("When the holder last renewed it."),
                "leaseTransitions": _number("How often the holder has changed."),
                "strategy": _text("How the next holder is chosen."),
                "preferredHolder": _text("Who should hold it next."),
            },
        )
    },
)

_NAMES = _object(
    "What the kind is called.",
    {
        "plural": _text("Its name in URLs."),
        "singular": _text("Its name for one object."),
        "kind": _text("Its name in objects."),
        "listKind": _text("Its name in lists."),
        "shortNames": _list("Abbreviations for kubectl.", _text("One of them.")),
        "categories": _list("Groups of kinds it belongs to.", _text("One of them.")),
    },
)

_VERSION = _object(
    "One version of the kind.",
    {
        "name": _text("Its name."),
        "served": _flag("Whether it can be used."),
        "storage": _flag("Whether objects are stored in it; true for exactly one."),
        "deprecated": _flag("Whether its use is answered with a warning."),
        "deprecationWarning": _text("The warning."),
        "schema": {"type": "object", "description": "What its objects look like.", **_OPEN},
        "subresources": {"type": "object", "description": "Parts written apart, such as status.", **_OPEN},
        "additionalPrinterColumns": _list("Columns for kubectl get.", {"type": "object", **_OPEN}),
        "selectableFields": _list("Fields that field selectors know.", {"type": "object", **_OPEN}),
    },
    required=["name", "served", "storage"],
)

DEFINITION = _kind(
    "Adds a kind of object to the API.",
    {
        "spec": _object(
            "The kind.",
            {
                "group": _text("The API group."),
                "names": _NAMES,
                "scope": _text("Namespaced or Cluster."),
                "versions": _list("Its versions.", _VERSION),
                "conversion": {"type": "object", "description": "How versions become one another.", **_OPEN},
                "preserveUnknownFields": _flag("Not supported; false."),
            },
            required=["group", "names", "scope", "versions"],
        ),
        "status": _object(
            "Whether the kind is served.",
            {
                "acceptedNames": _NAMES,
                "conditions": _list("Findings about it.", _CONDITION, "type"),
                "storedVersions": _list("Versions in which objects may be stored.", _text("One of them.")),
            },
        ),
    },
)
