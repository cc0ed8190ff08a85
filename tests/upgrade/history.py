"""Every state that Traffic Manager was in, one after each write, and who wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from fleetdns.emulator.azure.exchange import Request, Response
from fleetdns.emulator.azure.service import Call, TrafficManagerService


@dataclass(frozen=True, slots=True)
class State:
    """What resolvers can tell apart. `profiles`: DNS name -> target -> (weight, priority, status)."""

    profiles: Mapping[str, Mapping[str, tuple[int, int, str]]]


class History:
    """States from the moment on that it is made."""

    def __init__(self, azure: TrafficManagerService, monkeypatch: pytest.MonkeyPatch) -> None:
        self._azure = azure
        self._handle = azure.handle
        self.states = [state(azure)]
        self._mark = azure.mark()
        monkeypatch.setattr(azure, "handle", self._recorded)

    @property
    def writes(self) -> tuple[Call, ...]:
        """The calls since the beginning, or since `forget`, that may have changed something."""
        return tuple(call for call in self._azure.calls_since(self._mark) if call.is_write)

    def forget(self) -> None:
        """Begin anew with what is there now."""
        self.states = [state(self._azure)]
        self._mark = self._azure.mark()

    def _recorded(self, request: Request) -> Response:
        response = self._handle(request)
        if request.method != "GET":
            self.states.append(state(self._azure))
        return response


def state(azure: TrafficManagerService) -> State:
    """What is there now."""
    return State({_dns_name(profile): _endpoints(profile) for profile in azure.profiles()})


def _dns_name(profile: Mapping[str, Any]) -> str:
    return str(profile["properties"]["dnsConfig"]["fqdn"])


def _endpoints(profile: Mapping[str, Any]) -> dict[str, tuple[int, int, str]]:
    found = (endpoint["properties"] for endpoint in profile["properties"]["endpoints"])
    return {one["target"]: (one["weight"], one["priority"], one["endpointStatus"]) for one in found}
