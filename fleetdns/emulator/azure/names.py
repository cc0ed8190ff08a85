"""DNS names: unique over every subscription, and taken by tenants that this emulator knows nothing else of."""

from collections.abc import Mapping
from typing import Any

from fleetdns.emulator.azure.errors import ArmError, domain_taken_message, invalid_content
from fleetdns.emulator.azure.resources import PROFILE_TYPE, ZONE, ProfileKey
from fleetdns.emulator.azure.store import Store


class Names:
    """Relative names compare without case."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._elsewhere: set[str] = set()

    def take(self, relative_name: str) -> None:
        """From now on the name belongs to another tenant."""
        self._elsewhere.add(relative_name.casefold())

    def release(self, relative_name: str) -> None:
        self._elsewhere.discard(relative_name.casefold())

    def is_taken(self, relative_name: str, now: float, *, by_other_than: ProfileKey | None = None) -> bool:
        folded = relative_name.casefold()
        return folded in self._elsewhere or any(
            name == folded and key != by_other_than for name, key in self._store.claimed_names(now)
        )

    def refuse_taken(self, relative_name: str, now: float, *, owner: ProfileKey) -> None:
        """Raises ArmError 409 when somebody other than `owner` has the name."""
        if self.is_taken(relative_name, now, by_other_than=owner):
            raise ArmError(409, "Conflict", domain_taken_message(f"{relative_name}.{ZONE}"))

    def availability(self, body: Mapping[str, Any], now: float) -> dict[str, Any]:
        """The answer of both versions of the name check. Raises ArmError 400 without a name."""
        name = body.get("name")
        if not isinstance(name, str) or not name:
            raise invalid_content("the name to check is missing")
        taken = self.is_taken(name, now)
        return {
            "name": name,
            "type": PROFILE_TYPE,
            "nameAvailable": not taken,
            "reason": "AlreadyExists" if taken else None,
            "message": domain_taken_message(f"{name}.{ZONE}") if taken else None,
        }
