"""Which operation a method and a path mean.

Fixed segments compare without case; names are percent-decoded after the path is split, so that `%23` and `%2F` stay
inside their segment.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from fleetdns.emulator.azure.errors import ArmError, bad_request
from fleetdns.emulator.azure.resources import endpoint_kind

_SUBSCRIPTION = "subscriptions/{subscription}"
_NETWORK = "providers/Microsoft.Network"
_GROUP = f"{_SUBSCRIPTION}/resourceGroups/{{group}}/{_NETWORK}"
_PROFILES = f"{_GROUP}/trafficManagerProfiles"
_PROFILE = f"{_PROFILES}/{{profile}}"

# The first pattern that fits decides, so the fixed `heatMaps` stands before the endpoint type.
_TABLE: tuple[tuple[str, Mapping[str, str]], ...] = (
    (_PROFILES, {"GET": "profiles.list"}),
    (f"{_SUBSCRIPTION}/{_NETWORK}/trafficManagerProfiles", {"GET": "profiles.list"}),
    (
        _PROFILE,
        {"GET": "profiles.get", "PUT": "profiles.put", "PATCH": "profiles.patch", "DELETE": "profiles.delete"},
    ),
    (f"{_PROFILE}/heatMaps/{{name}}", {"GET": "heatmap.get"}),
    (
        f"{_PROFILE}/{{kind}}/{{endpoint}}",
        {"GET": "endpoints.get", "PUT": "endpoints.put", "PATCH": "endpoints.patch", "DELETE": "endpoints.delete"},
    ),
    (f"{_NETWORK}/checkTrafficManagerNameAvailability", {"POST": "names.check"}),
    (f"{_SUBSCRIPTION}/{_NETWORK}/checkTrafficManagerNameAvailabilityV2", {"POST": "names.check"}),
    (f"{_NETWORK}/trafficManagerGeographicHierarchies/default", {"GET": "geography.get"}),
    (
        f"{_SUBSCRIPTION}/{_NETWORK}/trafficManagerUserMetricsKeys/default",
        {"GET": "metricskeys.get", "PUT": "metricskeys.put", "DELETE": "metricskeys.delete"},
    ),
    (f"{_GROUP}/publicIPAddresses", {"GET": "publicips.list"}),
    (f"{_SUBSCRIPTION}/{_NETWORK}/publicIPAddresses", {"GET": "publicips.list"}),
    (f"{_GROUP}/publicIPAddresses/{{name}}", {"GET": "publicips.get"}),
    (f"{_SUBSCRIPTION}/{_NETWORK}", {"GET": "providers.get"}),
    (f"{_SUBSCRIPTION}/{_NETWORK}/register", {"POST": "providers.register"}),
)
_PATTERNS = tuple((tuple(pattern.split("/")), methods) for pattern, methods in _TABLE)


@dataclass(frozen=True, slots=True)
class Route:
    """Names as the path spells them, decoded; `kind` in its canonical spelling. What is not named is empty."""

    operation: str
    method: str
    path: str
    subscription: str = ""
    group: str = ""
    profile: str = ""
    kind: str = ""
    endpoint: str = ""
    name: str = ""

    @property
    def is_traffic_manager(self) -> bool:
        return not self.operation.startswith(("providers.", "publicips."))


def route_of(method: str, path: str) -> Route:
    """The operation. Raises ArmError: 404 for an unknown path, 405 for another method, 400 for a bad name."""
    segments = tuple(unquote(segment) for segment in path.removeprefix("/").removesuffix("/").split("/"))
    for names, methods in _matches(segments):
        if method not in methods:
            raise ArmError(
                405,
                "MethodNotAllowed",
                f"The requested resource does not support http method '{method}'.",
                headers={"Allow": ", ".join(methods)},
            )
        return Route(methods[method], method, path, **_canonical(names))
    raise _unknown(segments)


def _matches(segments: tuple[str, ...]) -> Iterator[tuple[dict[str, str], Mapping[str, str]]]:
    for pattern, methods in _PATTERNS:
        names = _names(pattern, segments)
        if names is not None:
            yield names, methods


def _names(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    names: dict[str, str] = {}
    for wanted, segment in zip(pattern, segments, strict=True):
        if wanted.startswith("{"):
            names[wanted[1:-1]] = segment
        elif wanted.casefold() != segment.casefold():
            return None
    return names


def _canonical(names: dict[str, str]) -> dict[str, str]:
    if "kind" not in names:
        return names
    if "/" in names["kind"]:
        raise bad_request(f"The endpoint type '{names['kind']}' in the address is not valid.")
    kind = endpoint_kind(names["kind"])
    if kind is None:
        raise _no_such_type(f"trafficManagerProfiles/{names['kind']}")
    return {**names, "kind": kind}


def _unknown(segments: tuple[str, ...]) -> ArmError:
    folded = [segment.casefold() for segment in segments]
    if "providers" not in folded:
        return ArmError(404, "NotFound", "No HTTP resource was found that matches the request URI.")
    namespace, *rest = segments[folded.index("providers") + 1 :] or ("",)
    if namespace.casefold() == "microsoft.network":
        return _no_such_type(rest[0] if rest else "")
    return ArmError(404, "InvalidResourceNamespace", f"The resource namespace '{namespace}' is invalid.")


def _no_such_type(resource_type: str) -> ArmError:
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{resource_type}' could not be found in the namespace 'Microsoft.Network'.",
    )
