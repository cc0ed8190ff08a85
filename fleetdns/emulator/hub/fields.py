"""What is wrong with which field, in the API server's wording and with its machine readable reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fleetdns.emulator.hub.jsonvalue import quoted, shown

# The schema errors after which CEL rules cannot be trusted to run.
_BLOCKING = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One cause of a refusal: `field` is a path ("<nil>" is the object itself), `message` starts with what is wrong."""

    field: str
    reason: str
    message: str

    @property
    def blocks_rules(self) -> bool:
        return self.reason in _BLOCKING

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def aggregate(errors: Sequence[FieldError]) -> str:
    """The errors in one line, each text once: "a: x", or "[a: x, b: y]" for several."""
    texts = list(dict.fromkeys(map(str, errors)))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


class _Omitted:
    """A value that is left out of the message because it would drown it."""


OMITTED = _Omitted()


def invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError(field, "FieldValueInvalid", _with_value("Invalid value", value, detail))


def type_invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError(field, "FieldValueTypeInvalid", _with_value("Invalid value", value, detail))


def not_supported(field: str, value: Any, supported: Sequence[Any]) -> FieldError:
    names = ", ".join(quoted(item if isinstance(item, str) else shown(item)) for item in supported)
    return FieldError(
        field, "FieldValueNotSupported", _with_value("Unsupported value", value, f"supported values: {names}")
    )


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError(field, "FieldValueDuplicate", _with_value("Duplicate value", value, ""))


def required(field: str, detail: str = "") -> FieldError:
    return FieldError(field, "FieldValueRequired", _joined("Required value", detail))


def forbidden(field: str, detail: str = "") -> FieldError:
    return FieldError(field, "FieldValueForbidden", _joined("Forbidden", detail))


def too_long(field: str, limit: int) -> FieldError:
    unit = "byte" if limit == 1 else "bytes"
    return FieldError(field, "FieldValueTooLong", f"Too long: may not be more than {limit} {unit}")


def too_many(field: str, count: int, limit: int) -> FieldError:
    unit = "item" if limit == 1 else "items"
    return FieldError(field, "FieldValueTooMany", f"Too many: {count}: must have at most {limit} {unit}")


def _with_value(what: str, value: Any, detail: str) -> str:
    return _joined(what if value is OMITTED else f"{what}: {shown(value)}", detail)


def _joined(what: str, detail: str) -> str:
    return f"{what}: {detail}" if detail else what


def child(path: str, name: str) -> str:
    """The path of a field of the object at `path` ("" is the root)."""
    return f"{path}.{name}" if path else name


def key(path: str, name: str) -> str:
    """The path of an entry of the map at `path`."""
    return f"{path}[{name}]"


def index(path: str, position: int) -> str:
    """The path of an item of the list at `path`."""
    return f"{path}[{position}]"
