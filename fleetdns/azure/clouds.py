"""Where Azure Resource Manager listens and which token it takes, for each Azure cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cloud:
    """One Azure cloud: Resource Manager's address, the host that issues tokens, the scope a token is asked for."""

    arm_endpoint: str
    authority: str
    scope: str


CLOUDS: Mapping[str, Cloud] = {
    "public": Cloud(
        "https://management.azure.com", "login.microsoftonline.com", "https://management.azure.com/.default"
    ),
    "china": Cloud(
        "https://management.chinacloudapi.cn", "login.chinacloudapi.cn", "https://management.chinacloudapi.cn/.default"
    ),
    "usgov": Cloud(
        "https://management.usgovcloudapi.net",
        "login.microsoftonline.us",
        "https://management.core.usgovcloudapi.net/.default",
    ),
}
