"""Objects of one kind as frozen values for the cache: typed, only the fields in use, repeated strings stored once."""

from __future__ import annotations

from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.runtime.listwatch import Entry, Undecodable

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # the whole object once more, of no use here
_UNIQUE = frozenset({"uid", "resource_version"})  # never the same in two objects: not worth a place in the pool
_POOL_LIMIT = 100_000  # strings


class HubStruct(Protocol):
    """A Struct of api/ that stands for a whole object."""

    resource: ClassVar[Resource]

    @property
    def metadata(self) -> ObjectMeta: ...


T = TypeVar("T", bound=HubStruct)


class _Named(msgspec.Struct):
    metadata: ObjectMeta


_NAMED = msgspec.json.Decoder(_Named)


def entry(obj: T) -> Entry[ObjectKey, T]:
    """An object as the runtime's store keeps it."""
    metadata = obj.metadata
    return Entry(metadata.key, metadata.uid, metadata.resource_version, obj)


class StructCodec(Generic[T]):
    """Fulfils runtime.Codec for one Struct of api/."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._pool: dict[str, str] = {}

    def decode(self, raw: bytes | memoryview) -> Entry[ObjectKey, T]:
        """The object with its key. Raises runtime's Undecodable, with as much identity as can be read."""
        try:
            obj = self._decoder.decode(raw)
        except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
            raise _undecodable(raw, str(error)) from error
        metadata = obj.metadata
        if not metadata.name:
            raise _undecodable(raw, "the object has no name")
        metadata.annotations.pop(_LAST_APPLIED, None)
        self._share(obj)
        if len(self._pool) > _POOL_LIMIT:
            self._pool.clear()
        return entry(obj)

    def _share(self, value: object) -> object:
        """`value` with every string in it replaced by its first like. Nobody else has seen `value` yet."""
        match value:
            case str():
                return self._pool.setdefault(value, value)
            case tuple():
                return tuple(self._share(inner) for inner in value)
            case dict():
                return {self._share(name): self._share(inner) for name, inner in value.items()}
            case msgspec.Struct():
                for field in value.__struct_fields__:
                    inner = getattr(value, field)
                    if field not in _UNIQUE and isinstance(inner, str | tuple | dict | msgspec.Struct) and inner:
                        msgspec.structs.force_setattr(value, field, self._share(inner))
        return value


def _undecodable(raw: bytes | memoryview, because: str) -> Undecodable:
    try:
        metadata = _NAMED.decode(raw).metadata
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        return Undecodable(because=because)
    key = metadata.key if metadata.name else None
    return Undecodable(key, metadata.uid or None, metadata.resource_version or None, because)
