"""Strategic merge patch, as kubectl sends it for built-in kinds: lists merge by key, `$` words delete and replace."""

from __future__ import annotations

from typing import Any

from fleetdns.emulator.hub.status import Object

# Lists that merge, by the field's name, and the key their items have; "" means a list of plain values.
_MERGE_KEYS = {
    "ports": "port",
    "conditions": "type",
    "ownerReferences": "uid",
    "finalizers": "",
    "secrets": "name",
    "imagePullSecrets": "name",
}
_PATCH = "$patch"
_DELETE_VALUES = "$deleteFromPrimitiveList/"
_DIRECTIVES = ("$setElementOrder/", "$retainKeys", _PATCH, _DELETE_VALUES)


def strategic_patch(target: Any, patch: Object) -> Any:
    """The target with the patch merged into it; the target itself is left alone."""
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
                result[name] = strategic_patch(result.get(name), value)
        elif isinstance(value, list) and name in _MERGE_KEYS:
            result[name] = _merged_list(result.get(name) or [], value, _MERGE_KEYS[name])
        else:
            result[name] = value
    return result


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
            merged.append(strategic_patch({}, item))
        else:
            merged[place] = strategic_patch(merged[place], item)
    return merged
