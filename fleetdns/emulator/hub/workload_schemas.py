"""The schemas of what runs on a cluster and what protects it: stored here, never run and never enforced.

Where a kind has more fields than are listed, they are kept as they come.
"""

from typing import Any

from fleetdns.emulator.hub.schema_parts import CONDITION, OPEN, flag, listed, number, record, text, texts, whole

_ATOMIC = {"x-kubernetes-map-type": "atomic"}


def _portion(description: str) -> dict[str, Any]:
    return {"x-kubernetes-int-or-string": True, "description": description}


_SELECTOR = record(
    "Pods by their labels.",
    {
        "matchLabels": texts("Labels that they have."),
        "matchExpressions": listed(
            "Conditions on their labels.",
            record(
                "One of them.",
                {
                    "key": text("The label."),
                    "operator": text("In, NotIn, Exists or DoesNotExist."),
                    "values": listed("What it is compared with.", text("A value.")),
                },
                required=["key", "operator"],
            ),
        ),
    },
    **_ATOMIC,
)

_VARIABLE = record("One variable.", {"name": text("Its name."), "value": text("Its value.")}, required=["name"], **OPEN)
_MOUNT = record(
    "One mount.",
    {"name": text("Of the volume."), "mountPath": text("Where it is seen.")},
    required=["mountPath"],
    **OPEN,
)
_CONTAINER_PORT = record(
    "One port.",
    {
        "name": text("Its name."),
        "containerPort": number("Its number."),
        "protocol": text("TCP, UDP or SCTP.", default="TCP"),
    },
    required=["containerPort"],
    **OPEN,
)

_CONTAINER = record(
    "One program.",
    {
        "name": text("Its name in the pod."),
        "image": text("What it is started from."),
        "command": listed("The program, in place of the image's.", text("A word.")),
        "args": listed("Its arguments.", text("A word.")),
        "env": listed("Its variables.", _VARIABLE, "name"),
        "ports": listed("Ports that it listens on.", _CONTAINER_PORT, "containerPort", "protocol"),
        "volumeMounts": listed("What it sees of the pod's volumes.", _MOUNT, "mountPath"),
    },
    required=["name"],
    **OPEN,
)

_POD = record(
    "How pods are made.",
    {
        "containers": listed("The programs of a pod.", _CONTAINER, "name"),
        "initContainers": listed("Programs that run before them.", _CONTAINER, "name"),
        "volumes": listed(
            "What the programs can mount.",
            record("One volume.", {"name": text("Its name.")}, required=["name"], **OPEN),
            "name",
        ),
        "serviceAccountName": text("Who the pod is to the API server."),
        "nodeSelector": texts("Labels of the nodes that it may run on.") | _ATOMIC,
    },
    **OPEN,
)

DEPLOYMENT = whole(
    "Pods of one kind, kept running and replaced by newer ones.",
    {
        "spec": record(
            "How many there are to be, and of what kind.",
            {
                "replicas": number("How many.") | {"default": 1},
                "selector": _SELECTOR,
                "template": record(
                    "What they are made from.",
                    {
                        "metadata": {"type": "object", "description": "Their labels and annotations.", **OPEN},
                        "spec": _POD,
                    },
                ),
                "strategy": {"type": "object", "description": "How older ones are replaced.", **OPEN},
                "minReadySeconds": number("Seconds until a ready one counts."),
                "revisionHistoryLimit": number("How many former kinds are remembered.") | {"default": 10},
                "progressDeadlineSeconds": number("Seconds after which it is stuck.") | {"default": 600},
                "paused": flag("Whether changes wait."),
            },
            required=["selector", "template"],
        ),
        "status": record("What became of it.", {"conditions": listed("Findings about it.", CONDITION, "type")}, **OPEN),
    },
)

DISRUPTION_BUDGET = whole(
    "How many pods may be away at the same time on purpose.",
    {
        "spec": record(
            "Which pods, and how many.",
            {
                "minAvailable": _portion("Number or percentage that stay."),
                "maxUnavailable": _portion("Number or percentage that may be away."),
                "selector": _SELECTOR,
                "unhealthyPodEvictionPolicy": text("Whether pods that are not ready count."),
            },
        ),
        "status": record("How many are away.", {"conditions": listed("Findings about it.", CONDITION, "type")}, **OPEN),
    },
)

_PEER = record("Somebody.", {"podSelector": _SELECTOR, "namespaceSelector": _SELECTOR}, **OPEN)
_PORT = record(
    "One port or range of ports.",
    {
        "protocol": text("TCP, UDP or SCTP.", default="TCP"),
        "port": _portion("Number or name."),
        "endPort": number("End."),
    },
)

NETWORK_POLICY = whole(
    "Who may reach pods, and whom they may reach.",
    {
        "spec": record(
            "Which pods, and what is allowed.",
            {
                "podSelector": _SELECTOR,
                "policyTypes": listed("Ingress, Egress or both.", text("One of them.")),
                "ingress": listed(
                    "Who may reach them.",
                    record("One rule.", {"from": listed("They.", _PEER), "ports": listed("There.", _PORT)}),
                ),
                "egress": listed(
                    "Whom they may reach.",
                    record("One rule.", {"to": listed("Those.", _PEER), "ports": listed("There.", _PORT)}),
                ),
            },
        ),
    },
)
