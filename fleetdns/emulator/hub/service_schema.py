"""The schema of Service, with all its fields: what a Service does not know is left out of it, as on a real server."""

from fleetdns.emulator.hub.schema_parts import CONDITION, flag, listed, number, record, text, texts, whole

_ATOMIC = {"x-kubernetes-map-type": "atomic"}

_PORT = record(
    "One port.",
    {
        "name": text("The port's name within the Service."),
        "protocol": text("TCP, UDP or SCTP.", default="TCP"),
        "appProtocol": text("What is spoken on the port."),
        "port": number("The port of the Service.") | {"default": 0},
        "targetPort": {"x-kubernetes-int-or-string": True, "description": "Number or name of the port of the pods."},
        "nodePort": number("The port on every node."),
    },
)

_SPEC = record(
    "How the Service is reached, and by which pods.",
    {
        "type": text("ClusterIP, NodePort, LoadBalancer or ExternalName."),
        "ports": listed("Its ports.", _PORT, "port", "protocol"),
        "selector": texts("Labels of the pods.") | _ATOMIC,
        "clusterIP": text("Its address inside the cluster, or None."),
        "clusterIPs": listed("All its addresses inside the cluster.", text("An address.")),
        "ipFamilies": listed("The families of these addresses.", text("IPv4 or IPv6.")),
        "ipFamilyPolicy": text("SingleStack, PreferDualStack or RequireDualStack."),
        "externalName": text("The DNS name it stands for."),
        "externalIPs": listed("Addresses that somebody else leads to the nodes.", text("An address.")),
        "loadBalancerIP": text("The address asked of the load balancer."),
        "loadBalancerClass": text("Whose load balancer it is to be."),
        "loadBalancerSourceRanges": listed("Who may reach the load balancer.", text("A range of addresses.")),
        "allocateLoadBalancerNodePorts": flag("Whether a load balancer needs ports on the nodes."),
        "healthCheckNodePort": number("The port on every node that tells whether it has pods."),
        "externalTrafficPolicy": text("Cluster or Local: which pods serve what comes from outside."),
        "internalTrafficPolicy": text("Cluster or Local: which pods serve what comes from inside."),
        "publishNotReadyAddresses": flag("Whether pods count before they are ready."),
        "sessionAffinity": text("None or ClientIP."),
        "sessionAffinityConfig": record(
            "How long a client stays with a pod.",
            {"clientIP": record("By address.", {"timeoutSeconds": number("Seconds it stays.")})},
        ),
        "trafficDistribution": text("Which pods are preferred."),
    },
)

_INGRESS = record(
    "One place.",
    {
        "ip": text("An address."),
        "hostname": text("A DNS name."),
        "ipMode": text("VIP, or Proxy where the load balancer answers itself."),
        "ports": listed(
            "What became of each port.",
            record(
                "One of them.",
                {"port": number("Its number."), "protocol": text("Its protocol."), "error": text("What is wrong.")},
            ),
        ),
    },
)

SERVICE = whole(
    "A name and an address for a set of pods.",
    {
        "spec": _SPEC,
        "status": record(
            "What became of it.",
            {
                "loadBalancer": record(
                    "What the load balancer gave.", {"ingress": listed("Where it is reached.", _INGRESS)}
                ),
                "conditions": listed("Findings about it.", CONDITION, "type"),
            },
        ),
    },
)
