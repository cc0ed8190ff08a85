"""Objects of one kind as frozen values for the cache: typed, only the fields in use, repeated strings stored once."""

from __future__ import annotations

from typing import ClassVar, Generic, Protocol, TypeVar

import msgspec

from fleetdns.api.meta import ObjectKey, ObjectMeta, Resource
from fleetdns.kube.sharing import Sharing
from fleetdns.runtime.listwatch import Entry, Undecodable

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # the whole object once more, of no use here


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
        self._sharing = Sharing(kind)

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
        self._sharing.share(obj)
        return entry(obj)


def _undecodable(raw: bytes | memoryview, because: str) -> Undecodable:
    try:
        metadata = _NAMED.decode(raw).metadata
    except ValueError:  # msgspec's errors, and UnicodeDecodeError
        return Undecodable(because=because)
    key = metadata.key if metadata.name else None
    return Undecodable(key, metadata.uid or None, metadata.resource_version or None, because)
