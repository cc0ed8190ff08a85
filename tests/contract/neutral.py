"""What two servers answer, without what differs between any two: uids, times, versions, and lists without an order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def neutralizer(name: str) -> Callable[[str], Object]:
    """Uids and times become words, versions their order of appearance."""
    versions: dict[str, str] = {}

    def version(found: re.Match[str]) -> str:
        return found[1] + versions.setdefault(found[2], f"v{len(versions)}") + '"'

    def neutral(text: str) -> Object:
        text = text.replace(name, "shop")
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "uid", text)
        text = re.sub(r'("(?:creation|deletion)Timestamp":|"time":)"[^"]*"', r'\1"now"', text)
        text = re.sub(r"in record \(\d+\)", "in record (now)", text)
        # A patch that is refused strictly is told with the whole object, of which each server has a form of its own.
        text = re.sub(r'Invalid value: \\"\{.*?: strict decoding error', "strict decoding error", text)
        shown: Object = json.loads(re.sub(r'("resourceVersion":")(\d+)"', version, text))
        return shown

    return neutral


def unordered(body: Object) -> Object:
    """The body with those lists sorted that have no order: several faults."""
    if body["kind"] != "Status":
        return body
    causes = body.get("details", {}).get("causes")
    if causes:
        # The message repeats them.
        return body | {"message": "", "details": body["details"] | {"causes": sorted(causes, key=sorted_text)}}
    # An apply that fits no type is told of the first fault that is found, or of several.
    return body | {"message": body.get("message", "").partition(", Kind=TrafficManagerProfile): ")[0]}


def sorted_text(value: Object) -> str:
    return json.dumps(value, sort_keys=True)
