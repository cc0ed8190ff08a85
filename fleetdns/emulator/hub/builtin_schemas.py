"""The schemas of the built-in kinds: as much of them as clients here read and write.

Where a kind has more fields than are listed, they are kept as they come.
"""

from fleetdns.emulator.hub.schema_parts import CONDITION, OPEN, flag, listed, number, record, text, texts, time, whole

_REFERENCE = record(
    "Which object is meant.",
    {
        "apiVersion": text("API version of the object."),
        "kind": text("Kind of the object."),
        "namespace": text("Namespace of the object."),
        "name": text("Name of the object."),
        "uid": text("Identity of the object."),
        "resourceVersion": text("The version of the object that is meant."),
        "fieldPath": text("The part of the object that is meant."),
    },
    **{"x-kubernetes-map-type": "atomic"},
)

CONFIG_MAP = whole(
    "Configuration as named texts.",
    {
        "data": texts("Texts by name."),
        "binaryData": texts("Base64 of bytes by name."),
        "immutable": flag("Whether the contents can no longer change."),
    },
)

SECRET = whole(
    "Confidential values by name.",
    {
        "data": texts("Base64 of the values by name."),
        "stringData": texts("Values as plain text, for writing only; they end up in data."),
        "type": text("What the secret is for."),
        "immutable": flag("Whether the contents can no longer change."),
    },
)

NAMESPACE = whole(
    "A scope for names and for rights.",
    {
        "spec": record(
            "What holds the namespace.",
            {"finalizers": listed("Who has to clean up before the namespace may go.", text("One of them."))},
        ),
        "status": record(
            "Whether the namespace is in use.",
            {
                "phase": text("Active, or Terminating while it is being deleted."),
                "conditions": listed("Findings about its deletion.", CONDITION, "type"),
            },
        ),
    },
)

EVENT = whole(
    "Something that happened to an object, kept for a while.",
    {
        "involvedObject": _REFERENCE,
        "reason": text("Why, as one word for programs."),
        "message": text("What happened, as a sentence."),
        "type": text("Normal or Warning."),
        "source": record("Who noticed.", {"component": text("Its name."), "host": text("Where it runs.")}),
        "count": number("How often it happened."),
        "firstTimestamp": time("When it happened first."),
        "lastTimestamp": time("When it happened last."),
        "eventTime": time("When it was noticed, to the microsecond."),
        "series": record(
            "Repetitions of it.",
            {"count": number("How many."), "lastObservedTime": time("When it was last noticed.")},
        ),
        "action": text("What was being done."),
        "related": _REFERENCE,
        "reportingComponent": text("Name of the controller that reports it."),
        "reportingInstance": text("Which instance of the controller reports it."),
    },
)

SERVICE_ACCOUNT = whole(
    "An identity for programs.",
    {
        "secrets": listed("Secrets that the programs may use.", _REFERENCE),
        "imagePullSecrets": listed("Secrets for pulling images.", record("One of them.", {"name": text("Its name.")})),
        "automountServiceAccountToken": flag("Whether pods get a token without asking."),
    },
)

LEASE = whole(
    "A lock that has to be renewed.",
    {
        "spec": record(
            "Who holds it, and for how long.",
            {
                "holderIdentity": text("The holder; empty means free."),
                "leaseDurationSeconds": number("Seconds without renewal after which others may take it."),
                "acquireTime": time("When the holder took it."),
                "renewTime": time("When the holder last renewed it."),
                "leaseTransitions": number("How often the holder has changed."),
                "strategy": text("How the next holder is chosen."),
                "preferredHolder": text("Who should hold it next."),
            },
        )
    },
)

_NAMES = record(
    "What the kind is called.",
    {
        "plural": text("Its name in URLs."),
        "singular": text("Its name for one object."),
        "kind": text("Its name in objects."),
        "listKind": text("Its name in lists."),
        "shortNames": listed("Abbreviations for kubectl.", text("One of them.")),
        "categories": listed("Groups of kinds it belongs to.", text("One of them.")),
    },
)

_VERSION = record(
    "One version of the kind.",
    {
        "name": text("Its name."),
        "served": flag("Whether it can be used."),
        "storage": flag("Whether objects are stored in it; true for exactly one."),
        "deprecated": flag("Whether its use is answered with a warning."),
        "deprecationWarning": text("The warning."),
        "schema": {"type": "object", "description": "What its objects look like.", **OPEN},
        "subresources": {"type": "object", "description": "Parts written apart, such as status.", **OPEN},
        "additionalPrinterColumns": listed("Columns for kubectl get.", {"type": "object", **OPEN}),
        "selectableFields": listed("Fields that field selectors know.", {"type": "object", **OPEN}),
    },
    required=["name", "served", "storage"],
)

DEFINITION = whole(
    "Adds a kind of object to the API.",
    {
        "spec": record(
            "The kind.",
            {
                "group": text("The API group."),
                "names": _NAMES,
                "scope": text("Namespaced or Cluster."),
                "versions": listed("Its versions.", _VERSION),
                "conversion": {"type": "object", "description": "How versions become one another.", **OPEN},
                "preserveUnknownFields": flag("Not supported; false."),
            },
            required=["group", "names", "scope", "versions"],
        ),
        "status": record(
            "Whether the kind is served.",
            {
                "acceptedNames": _NAMES,
                "conditions": listed("Findings about it.", CONDITION, "type"),
                "storedVersions": listed("Versions in which objects may be stored.", text("One of them.")),
            },
        ),
    },
)
