"""Which api-version a request may name: for Traffic Manager the published ones, for its neighbours any date."""

import re

from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.exchange import Request
from fleetdns.emulator.azure.routing import Route

TRAFFIC_MANAGER_VERSIONS = (
    "2015-11-01",
    "2017-03-01",
    "2017-05-01",
    "2017-09-01-preview",
    "2018-02-01",
    "2018-03-01",
    "2018-04-01",
    "2018-08-01",
    "2022-04-01",
    "2022-04-01-preview",
    "2024-04-01-preview",
    "2025-01-01-preview",
    "2026-09-01",
)
NEWEST = TRAFFIC_MANAGER_VERSIONS[-1]
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(-[a-z]+)?", re.IGNORECASE)


def api_version(request: Request, route: Route) -> str:
    """The version in lower case. Raises ArmError 400 when it is missing, malformed, or not one the service has."""
    version = (request.parameter("api-version") or "").lower()
    if not version:
        raise ArmError(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _DATE.fullmatch(version):
        raise ArmError(400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid.")
    if route.is_traffic_manager and version not in TRAFFIC_MANAGER_VERSIONS:
        raise ArmError(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for location 'global' and API version '{version}' for type "
            f"'trafficManagerProfiles'. The supported api-versions are '{', '.join(TRAFFIC_MANAGER_VERSIONS)}'. "
            "The supported locations are 'global'.",
        )
    return version


def has_record_type(version: str) -> bool:
    return version >= "2024"
