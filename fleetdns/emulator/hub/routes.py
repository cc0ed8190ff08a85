"""What a URL path asks for: an object, a collection, or one of the server's own pages."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote

_NAMESPACE_PARTS = ("status", "finalize")


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """A path below a group version; namespace None means none was named."""

    group: str
    version: str
    plural: str
    namespace: str | None = None
    name: str = ""
    subresource: str = ""

    def verb(self, method: str, *, watching: bool = False) -> str:
        """Kubernetes' verb for an HTTP method here."""
        match method:
            case "GET":
                return "get" if self.name else ("watch" if watching else "list")
            case "HEAD":
                return "get" if self.name else "list"
            case "POST":
                return "create"
            case "PUT":
                return "update"
            case "DELETE":
                return "delete" if self.name else "deletecollection"
            case _:
                return method.lower()


@dataclass(frozen=True, slots=True)
class PagePath:
    """A page of the server itself: /version, /healthz, /apis, /openapi/v3 and what is below them."""

    parts: tuple[str, ...]


def parse_path(raw_path: str) -> ResourcePath | PagePath:
    """Split an encoded URL path; nothing is refused here."""
    parts = tuple(unquote(part, errors="replace") for part in raw_path.strip("/").split("/"))
    match parts:
        case ("api", version, first, *rest):
            return _resource_path("", version, (first, *rest))
        case ("apis", group, version, first, *rest) if group:
            return _resource_path(group, version, (first, *rest))
        case _:
            return PagePath(parts)


def _resource_path(group: str, version: str, parts: tuple[str, ...]) -> ResourcePath:
    match parts:
        case ("namespaces", name, *rest) if rest and rest[0] not in _NAMESPACE_PARTS:
            return _below(group, version, name, tuple(rest))
        case _:
            return _below(group, version, None, parts)


def _below(group: str, version: str, namespace: str | None, parts: tuple[str, ...]) -> ResourcePath:
    plural, name, subresource = parts[0], parts[1] if len(parts) > 1 else "", "/".join(parts[2:])
    return ResourcePath(group, version, plural, namespace, name, subresource)
