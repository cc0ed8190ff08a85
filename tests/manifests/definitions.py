"""The CRDs and samples as they are shipped, read once."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from fleetdns.emulator.hub.schema import StructuralSchema

MANIFESTS = Path(__file__).parents[2] / "manifests"
GROUP = "networking.fleet.azure.com"

DEFINITIONS: Mapping[str, dict[str, Any]] = {
    definition["spec"]["names"]["kind"]: definition
    for definition in (yaml.safe_load(path.read_text()) for path in sorted(MANIFESTS.glob(f"crds/{GROUP}_*.yaml")))
}


def versions(kind: str) -> dict[str, dict[str, Any]]:
    """The versions of a kind by name."""
    return {version["name"]: version for version in DEFINITIONS[kind]["spec"]["versions"]}


def openapi(kind: str, version: str = "v1alpha1") -> dict[str, Any]:
    """The schema of one version as written."""
    schema: dict[str, Any] = versions(kind)[version]["schema"]["openAPIV3Schema"]
    return schema


SCHEMAS: Mapping[str, StructuralSchema] = {kind: StructuralSchema(openapi(kind)) for kind in DEFINITIONS}


def levels(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every level of a schema with its path, the root first."""
    yield path or "(root)", schema
    for name, below in schema.get("properties", {}).items():
        yield from levels(below, f"{path}.{name}")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from levels(schema[name], f"{path}[{name}]")


def sample(name: str) -> dict[str, Any]:
    """A sample object as shipped."""
    obj: dict[str, Any] = yaml.safe_load((MANIFESTS / "samples" / name).read_text())
    return obj
