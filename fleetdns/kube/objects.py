"""Single objects, whatever their kind: read, and written behind the fence, each answer as the server stored it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec

from fleetdns.api.meta import ObjectKey
from fleetdns.errors import Conflict, Transient
from fleetdns.kube.codec import HubStruct
from fleetdns.kube.errors import Refused, Unreachable, write_error
from fleetdns.kube.paths import collection, item
from fleetdns.kube.transport import Transport

T = TypeVar("T", bound=HubStruct)

_APPLY_CONFLICT = "FieldManagerConflict"


class Objects:
    """One API server. `before_write(seconds)` runs right before each write that may take so long, and may prevent it.

    Methods raise FleetDNSError.
    """

    def __init__(self, transport: Transport, *, before_write: Callable[[float], None] | None = None) -> None:
        self._transport = transport
        self._before_write = before_write

    async def read(self, kind: type[T], key: ObjectKey) -> T | None:
        """The object as the server has it now; None where there is none."""
        try:
            answer = await self._transport.get(item(kind.resource, key))
        except (Refused, Unreachable) as error:
            if is_gone(error):
                return None
            raise write_error(error) from error
        return _decoded(kind, answer)

    async def create(self, obj: T, body: Mapping[str, Any]) -> T:
        """Create `obj`; `body`: what it consists of besides its kind. Conflict when it exists."""
        resource = obj.resource
        whole = {"apiVersion": resource.api_version, "kind": resource.kind, **body}
        path = collection(resource, obj.metadata.namespace)
        try:
            answer = await self._sent(lambda: self._transport.create(path, msgspec.json.encode(whole)))
        except (Refused, Unreachable) as error:
            raise write_error(error) from error
        return _decoded(type(obj), answer)

    async def patch(
        self, obj: T, patch: Mapping[str, Any], *, subresource: str = "", must_exist: bool = False
    ) -> T | None:
        """Merge-patch it; None when it is gone, or Conflict where it has to exist."""
        path = item(obj.resource, obj.metadata.key, subresource)
        try:
            answer = await self._sent(lambda: self._transport.patch(path, msgspec.json.encode(patch)))
        except (Refused, Unreachable) as error:
            if not is_gone(error):
                raise write_error(error) from error
            if must_exist:
                raise Conflict("NotFound", f"{obj.resource.kind} {obj.metadata.key} is gone") from error
            return None
        return _decoded(type(obj), answer)

    async def set_finalizers(self, obj: T, finalizers: tuple[str, ...]) -> T | None:
        """Replace metadata.finalizers of the object as it was read; Conflict when it has changed since.

        Gone is None where finalizers only leave, and Conflict where one is added.
        """
        is_adding = not set(finalizers) <= set(obj.metadata.finalizers)
        metadata = {"finalizers": finalizers, "resourceVersion": obj.metadata.resource_version}
        return await self.patch(obj, {"metadata": metadata}, must_exist=is_adding)

    async def apply(self, obj: T, metadata: Mapping[str, Any]) -> bool:
        """Own exactly this metadata of this very object, by server-side apply; False where somebody else's differs.

        Conflict where the object is gone, Rejected where another one has its name by now.
        """
        resource, key = obj.resource, obj.metadata.key
        # With the uid, an apply to an object that is gone does not make it anew.
        named = {"name": key.name, "namespace": key.namespace, "uid": obj.metadata.uid, **metadata}
        body = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": named}
        try:
            await self._sent(lambda: self._transport.apply(item(resource, key), msgspec.json.encode(body)))
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused) and error.status == 409 and _APPLY_CONFLICT in error.causes:
                return False
            raise write_error(error) from error
        return True

    async def delete(self, obj: HubStruct) -> None:
        """Delete exactly this one (by uid). Gone is success."""
        preconditions = {"uid": obj.metadata.uid}
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions}
        path = item(obj.resource, obj.metadata.key)
        try:
            await self._sent(lambda: self._transport.delete(path, msgspec.json.encode(options)))
        except (Refused, Unreachable) as error:
            # 409: the uid is another one by now, so this object is gone as well.
            if not is_gone(error) and not (isinstance(error, Refused) and error.status == 409):
                raise write_error(error) from error

    async def _sent(self, write: Callable[[], Awaitable[bytes]]) -> bytes:
        if self._before_write is not None:
            self._before_write(self._transport.timeouts.write)
        return await write()


def is_gone(error: Refused | Unreachable) -> bool:
    """The API server itself says that there is no such object."""
    return isinstance(error, Refused) and error.status == 404 and error.is_kubernetes


def _decoded(kind: type[T], answer: bytes) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except ValueError as error:  # msgspec's errors, and UnicodeDecodeError
        raise Transient("UndecodableAnswer", "the API server's answer was not understood") from error
