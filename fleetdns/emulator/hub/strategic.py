"""Strategic merge patch, as kubectl sends it for built-in kinds: lists merge by key, `$` words delete and replace."""

from __future__ import annotations

from typing import Any

from fleetdns.emulator.hub.patch import merge_patch
from fleetdns.emulator.hub.status import Object

# Lists that merge, by the field's name, and the key their items have; "" means a list of plain values.
_MERGE_KEYS = {
    "ports": "port",
    "conditions": "type",
    "ownerReferences": "uid",
    "finalizers": "",
    "secrets": "name",
    "imagePullSecrets": "name",
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "topologySpreadConstraints": "topologyKey",
}
# Kinds none of whose own lists merges.
_WHOLE = ("NetworkPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding")
_PATCH = "$patch"
_DELETE_VALUES = "$deleteFromPrimitiveList/"
_DIRECTIVES = ("$setElementOrder/", "$retainKeys", _PATCH, _DELETE_VALUES)


def strategic_patch(target: Any, patch: Object) -> Any:
    """The target with the patch merged into it; the target itself is left alone."""
    if isinstance(target, dict) and target.get("kind") in _WHOLE:
        metadata = {name: value for name, value in patch.items() if name == "metadata"}
        merged = merge_patch(target, {name: value for name, value in patch.items() if name != "metadata"})
        return _merged(merged, metadata)
    return _merged(target, patch)


def _merged(target: Any, patch: Object) -> Any:
    if patch.get(_PATCH) == "replace":
        return {name: value for name, value in patch.items() if not name.startswith(_DIRECTIVES)}
    result: Object = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if name.startswith(_DELETE_VALUES):
            listed = name.removeprefix(_DELETE_VALUES)
            result[listed] = [item for item in result.get(listed) or () if item not in value]
        elif name.startswith(_DIRECTIVES):
            continue
        elif value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            if value.get(_PATCH) == "delete":
                result.pop(name, None)
            else:
                result[name] = _merged(result.get(name), value)
        elif isinstance(value, list) and name in _MERGE_KEYS:
            result[name] = _merged_list(result.get(name) or [], value, _key_of(name, value))
        else:
            result[name] = value
    return result


def _key_of(name: str, items: list[Any]) -> str:
    """Ports of a container have another key than those of a Service."""
    of_container = name == "ports" and any(isinstance(item, dict) and "containerPort" in item for item in items)
    return "containerPort" if of_container else _MERGE_KEYS[name]


def _merged_list(target: list[Any], patch: list[Any], key: str) -> list[Any]:
    if not key:
        return [*target, *(item for item in patch if item not in target)]
    merged = list(target)
    for item in patch:
        if not isinstance(item, dict):
            continue
        if item.get(_PATCH) == "replace":
            merged = [other for other in patch if isinstance(other, dict) and _PATCH not in other]
            break
        place = next((at for at, other in enumerate(merged) if other.get(key) == item.get(key)), None)
        if item.get(_PATCH) == "delete":
            merged = [other for other in merged if other.get(key) != item.get(key)]
        elif place is None:
            merged.append(_merged({}, item))
        else:
            merged[place] = _merged(merged[place], item)
    return merged
