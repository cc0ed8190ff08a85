"""What a Service has and may not have, by its type. What is handed out to it is in allocations.

type          address inside  port on nodes   traffic policies      load balancer's fields
ClusterIP     yes or None     no              internal              no
NodePort      yes             yes             internal, external    no
LoadBalancer  yes             unless refused  internal, external    yes
ExternalName  no              no              none                  no
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from fleetdns.emulator.hub.fields import FieldError, duplicate, forbidden, invalid, not_supported, required
from fleetdns.emulator.hub.labels import LABEL, NOT_A_LABEL
from fleetdns.emulator.hub.status import Object

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_OUTSIDE = ("NodePort", "LoadBalancer")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_NOT_AN_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
# What a Service has before anybody writes it.
BLANK: Object = {"spec": {}, "status": {"loadBalancer": {}}}
# Which types have a field; it goes when the type changes to one that has not, unless that was asked for just now.
_FIELDS_OF_TYPES = {
    "clusterIP": ("ClusterIP", *_OUTSIDE),
    "clusterIPs": ("ClusterIP", *_OUTSIDE),
    "ipFamilies": ("ClusterIP", *_OUTSIDE),
    "ipFamilyPolicy": ("ClusterIP", *_OUTSIDE),
    "internalTrafficPolicy": ("ClusterIP", *_OUTSIDE),
    "externalTrafficPolicy": _OUTSIDE,
    "healthCheckNodePort": ("LoadBalancer",),
    "allocateLoadBalancerNodePorts": ("LoadBalancer",),
    "loadBalancerClass": ("LoadBalancer",),
}


def prepared(obj: Object, old: Object | None) -> Object:
    """The Service with its defaults, and with the status that it had. What is misshapen stays, to be refused."""
    if not isinstance(obj.get("spec", {}), dict | None):
        return obj
    spec = {name: value for name, value in _given(obj).items() if value not in ("", [], {})}
    defaults: Object = {"type": "ClusterIP", "sessionAffinity": "None"}
    kind = spec.get("type", "ClusterIP")
    if kind != "ExternalName":
        defaults["internalTrafficPolicy"] = "Cluster"
    if kind in _OUTSIDE:
        defaults["externalTrafficPolicy"] = "Cluster"
    if kind == "LoadBalancer":
        defaults["allocateLoadBalancerNodePorts"] = True
    ports = spec.get("ports")
    if _are_objects(ports):
        spec = spec | {"ports": [_port(port) for port in ports]}
    spec = defaults | spec
    return obj | {"spec": spec, "status": (old or BLANK).get("status") or BLANK["status"]}


def settled(obj: Object, old: Object | None) -> Object:
    """A changed Service with what it goes on having, and without what its type has not. Nobody manages any of that."""
    if old is None:
        return obj
    status, before = obj.get("status") or {}, old.get("status") or {}
    if _given(obj).get("type") != "LoadBalancer" and status.get("loadBalancer") == before.get("loadBalancer"):
        status = status | {"loadBalancer": {}}
    return obj | {"spec": _carried_over(_given(obj), _given(old)), "status": status}


def with_ingress(obj: Object) -> Object:
    """The Service with the defaults of what its load balancer gave."""
    status = obj.get("status") or {}
    balancer = (status.get("loadBalancer") or {}) if isinstance(status, dict) else None
    if not isinstance(balancer, dict):
        return obj
    places = balancer.get("ingress")
    if not _are_objects(places):
        return obj | {"status": status | {"loadBalancer": balancer}}
    filled = [({"ipMode": "VIP"} if place.get("ip") else {}) | place for place in places]
    return obj | {"status": status | {"loadBalancer": balancer | {"ingress": filled}}}


def needs_address(spec: Object) -> bool:
    """Whether it has an address inside the cluster, which is not to be None."""
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None"


def needs_node_ports(spec: Object) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not False)


def needs_health_check(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def service_errors(obj: Object, old: Object | None) -> Iterator[FieldError]:
    """What is wrong with a Service beyond its schema."""
    obj = settled(obj, old)
    spec = _given(obj)
    kind = spec.get("type", "ClusterIP")
    ports = spec.get("ports") or []
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield required("spec.ports")
    if kind == "ExternalName" and not spec.get("externalName"):
        yield required("spec.externalName")
    for position, port in enumerate(ports):
        yield from _port_errors(f"spec.ports[{position}]", port, is_alone=len(ports) == 1)
    names = [port.get("name") for port in ports]
    for position, name in enumerate(names):
        if name and name in names[:position]:
            yield duplicate(f"spec.ports[{position}].name", name)
    if kind not in _TYPES:
        yield not_supported("spec.type", kind, _TYPES)
    yield from _address_errors(spec, kind)
    yield from _changed_address(spec, _given(old or {}))
    yield from _status_errors(obj, kind)


def service_warnings(obj: Object) -> Iterator[str]:
    """What a Service of its type has no use for."""
    spec = _given(obj)
    if spec.get("externalName") and spec.get("type") != "ExternalName":
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'


def _given(obj: Object) -> Object:
    spec = obj.get("spec")
    return spec if isinstance(spec, dict) else {}


def _are_objects(items: Any) -> TypeGuard[list[Object]]:
    return isinstance(items, list) and all(isinstance(item, dict) for item in items)


def _port(port: Object) -> Object:
    target = port.get("targetPort")
    given = {
        name: value for name, value in port.items() if value not in ("", None) and (name, value) != ("nodePort", 0)
    }
    return {"protocol": "TCP"} | given | {"targetPort": target if target not in (None, "", 0) else port.get("port", 0)}


def _carried_over(spec: Object, old: Object) -> Object:
    kept = {
        name: value
        for name, value in spec.items()
        if spec["type"] in _FIELDS_OF_TYPES.get(name, _TYPES) or value != old.get(name)
    }
    if needs_address(old) and needs_address(kept):
        kept.setdefault("clusterIP", old.get("clusterIP"))
        if kept["clusterIP"] == old.get("clusterIP"):
            kept.setdefault("clusterIPs", old.get("clusterIPs"))
    if needs_health_check(old) and needs_health_check(kept):
        kept.setdefault("healthCheckNodePort", old.get("healthCheckNodePort"))
    elif "healthCheckNodePort" in kept and kept["healthCheckNodePort"] == old.get("healthCheckNodePort"):
        del kept["healthCheckNodePort"]
    is_new = "clusterIP" in kept and kept["clusterIP"] != old.get("clusterIP")
    if is_new and kept.get("clusterIPs") in (None, old.get("clusterIPs")):
        # Who writes one of the two means both.
        kept["clusterIPs"] = [kept["clusterIP"]]
    return kept | ({"ports": _with_node_ports(kept, old)} if kept.get("ports") else {})


def _with_node_ports(spec: Object, old: Object) -> list[Object]:
    """The ports with the node ports that those of the same name had; or without, where there are none any more."""
    ports, before = spec["ports"], old.get("ports") or []
    if old.get("type") not in _OUTSIDE:
        return list(ports)
    if spec["type"] not in _OUTSIDE:
        given = {port.get("nodePort") for port in ports} - {port.get("nodePort") for port in before} - {None}
        return [{name: value for name, value in port.items() if name != "nodePort" or given} for port in ports]
    if not needs_node_ports(spec):
        return list(ports)
    had = {port.get("name"): port.get("nodePort") for port in before}
    used = {port.get("nodePort") for port in ports}
    carried = []
    for port in ports:
        number = None if port.get("nodePort") else had.get(port.get("name"))
        if number and number not in used:
            used.add(number)
            port = port | {"nodePort": number}
        carried.append(port)
    return carried


def _port_errors(path: str, port: Object, *, is_alone: bool) -> Iterator[FieldError]:
    name, number, target = port.get("name"), port.get("port", 0), port.get("targetPort")
    if not name and not is_alone:
        yield required(f"{path}.name")
    if name and (len(name) > 63 or not re.fullmatch(LABEL, name)):
        yield invalid(f"{path}.name", name, NOT_A_LABEL)
    if isinstance(number, int):
        yield from _number_errors(f"{path}.port", number)
    if port.get("protocol") not in _PROTOCOLS:
        yield not_supported(f"{path}.protocol", port.get("protocol"), _PROTOCOLS)
    if isinstance(target, int):
        yield from _number_errors(f"{path}.targetPort", target)
    elif isinstance(target, str):
        yield from _target_name_errors(f"{path}.targetPort", target)


def _number_errors(path: str, number: int) -> Iterator[FieldError]:
    if not 0 < number < 65536:
        yield invalid(path, number, "must be between 1 and 65535, inclusive")


def _target_name_errors(path: str, name: str) -> Iterator[FieldError]:
    if len(name) > 15:
        yield invalid(path, name, "must be no more than 15 characters")
    if not re.fullmatch("[-a-z0-9]+", name):
        yield invalid(path, name, "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
        return
    if not re.search("[a-z]", name):
        yield invalid(path, name, "must contain at least one letter (a-z)")
    if "--" in name:
        yield invalid(path, name, "must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        yield invalid(path, name, "must not begin or end with a hyphen")


def _address_errors(spec: Object, kind: str) -> Iterator[FieldError]:
    first, listed = spec.get("clusterIP"), spec.get("clusterIPs") or []
    addresses = listed or ([first] if first else [])
    if kind == "ExternalName" and addresses:
        yield forbidden("spec.clusterIPs", "may not be set for ExternalName services")
        return
    if listed and first != listed[0]:
        words = "first value must match `clusterIP`" if first else "must be empty when `clusterIP` is not specified"
        yield invalid("spec.clusterIPs", listed, words)
    elif len(listed) > 1:
        yield invalid("spec.clusterIPs", listed, "may specify no more than one IP for each IP family")
    elif first == "None" and kind in _OUTSIDE:
        yield invalid("spec.clusterIPs[0]", first, f"may not be set to 'None' for {kind} services")
    elif first and first != "None" and not _is_address(first):
        yield invalid("spec.clusterIPs[0]", first, _NOT_AN_ADDRESS)


def _changed_address(spec: Object, old: Object) -> Iterator[FieldError]:
    before, after = old.get("clusterIPs"), spec.get("clusterIPs")
    stays = needs_address(old) or old.get("clusterIP") == "None"
    if before and after and stays and spec.get("type") != "ExternalName" and before[0] != after[0]:
        yield invalid("spec.clusterIPs[0]", after, "may not change once set")


def _status_errors(obj: Object, kind: str) -> Iterator[FieldError]:
    places = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    if places and kind != "LoadBalancer":
        yield forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")
        return
    for position, place in enumerate(places):
        if place.get("ip") and not _is_address(place["ip"]):
            yield invalid(f"status.loadBalancer.ingress[{position}].ip", place["ip"], _NOT_AN_ADDRESS)


def _is_address(text: Any) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
