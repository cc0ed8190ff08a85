"""Under which DNS zone each Azure cloud's Traffic Manager answers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ZONES: Mapping[str, str] = MappingProxyType(
    {"public": "trafficmanager.net", "china": "trafficmanager.cn", "usgov": "usgovtrafficmanager.net"}
)
