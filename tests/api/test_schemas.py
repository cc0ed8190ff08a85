"""Whatever the CRDs admit becomes a value: an admitted object that cannot be read would be unknown for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from fleetdns.api.backend import TrafficManagerBackend
from fleetdns.api.exports import InternalServiceExport, ServiceImport
from fleetdns.api.profile import TrafficManagerProfile

CRDS = Path(__file__).parents[2] / "manifests" / "crds"
KINDS = (TrafficManagerProfile, TrafficManagerBackend, InternalServiceExport, ServiceImport)


def schemas() -> list[Any]:
    found = []
    for kind in KINDS:
        text = (CRDS / f"{kind.resource.group}_{kind.resource.plural}.yaml").read_text()
        for version in yaml.safe_load(text)["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            found.append(pytest.param(kind, schema, id=f"{kind.resource.kind} {version['name']}"))
    return found


def sample(schema: dict[str, Any], *, whole: bool) -> Any:
    """A value of the schema's shape: every property, or only those that are required."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("x-kubernetes-int-or-string"):
        return "http"
    match schema.get("type"):
        case "object":
            names = schema.get("properties", {}) if whole else schema.get("required", [])
            return {name: sample(schema["properties"][name], whole=whole) for name in names}
        case "array":
            return [sample(schema["items"], whole=whole)]
        case "integer":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case _:
            return "text"


@pytest.mark.parametrize(
    "whole", [pytest.param(True, id="everything"), pytest.param(False, id="only what is required")]
)
@pytest.mark.parametrize(("kind", "schema"), schemas())
def test_what_the_schema_admits_is_read(kind: type[Any], schema: dict[str, Any], whole: bool) -> None:
    body = {
        name: sample(part, whole=whole)
        for name, part in schema["properties"].items()
        if name in ("spec", "status") and (whole or part["type"] == "object")
    }
    if not whole and "status" in body:
        body["status"] = {
            name: sample(part, whole=False) for name, part in schema["properties"]["status"]["properties"].items()
        }
    raw = {"metadata": {"name": "x", "namespace": "work"}, **body}
    value = msgspec.json.decode(msgspec.json.encode(raw), type=kind)
    assert value.metadata.name == "x"


@pytest.mark.parametrize(("kind", "schema"), schemas())
def test_what_is_written_is_in_the_schema(kind: type[Any], schema: dict[str, Any]) -> None:
    """A field that the schema does not know is pruned by the API server: what was written would never be read back."""
    status = sample(schema["properties"]["status"], whole=True)
    value = msgspec.convert({"metadata": {}, "spec": sample_spec(schema), "status": status}, kind)
    assert_known(msgspec.to_builtins(value.status), schema["properties"]["status"])
    assert msgspec.to_builtins(value.status), "a status with every field is not empty"


def sample_spec(schema: dict[str, Any]) -> Any:
    spec = schema["properties"].get("spec")
    return sample(spec, whole=True) if spec else {}


def assert_known(value: Any, schema: dict[str, Any]) -> None:
    if isinstance(value, dict):
        assert set(value) <= set(schema.get("properties", {}))
        for name, part in value.items():
            assert_known(part, schema["properties"][name])
    elif isinstance(value, list | tuple):
        for part in value:
            assert_known(part, schema["items"])
