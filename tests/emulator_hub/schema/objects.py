"""Objects of the test schema, and what is said about them."""

from typing import Any

from fleetdns.emulator.hub.schema import StructuralSchema


def shop(spec: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """An object with this spec, valid but for it."""
    obj = {"apiVersion": "g.io/v1", "kind": "Shop", "metadata": {"name": "shop", "namespace": "work"}}
    return {**obj, "spec": {"name": "shop", **(spec or {})}, **more}


def causes(
    schema: StructuralSchema, new: dict[str, Any], old: dict[str, Any] | None = None, *, subresource: str = ""
) -> list[tuple[str, str, str]]:
    """Field, reason and message of everything that is wrong."""
    found = schema.validate(new, old, subresource=subresource)
    return [(error.field, error.reason.removeprefix("FieldValue"), error.message) for error in found]


UNCHECKED = (
    "<nil>",
    "Invalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
