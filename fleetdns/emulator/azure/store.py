"""The profiles the service holds, and the writes still in flight.

A write is taken at once and becomes visible when its latency is over, which is also when its answer is due. Until
then a second write to the same profile collides. Without latency a write is visible at once.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from fleetdns.emulator.azure.errors import changes_collided
from fleetdns.emulator.azure.resources import Profile, ProfileKey

# An answer may be delivered a timer's rounding before the write it reports is due.
_ROUNDING = 1e-3


@dataclass(frozen=True, slots=True)
class _Write:
    due: float
    value: Profile | None


class Store:
    """Give every method the present time, in seconds; it must not go back."""

    def __init__(self) -> None:
        self._profiles: dict[ProfileKey, Profile] = {}
        self._in_flight: dict[ProfileKey, _Write] = {}
        self._revision = 0

    @property
    def revision(self) -> int:
        """Grows with every change that became visible."""
        return self._revision

    def profiles(self, now: float) -> Mapping[ProfileKey, Profile]:
        self._settle(now)
        return MappingProxyType(self._profiles)

    def get(self, key: ProfileKey, now: float) -> Profile | None:
        return self.profiles(now).get(key)

    def refuse_overlap(self, key: ProfileKey, now: float) -> None:
        """Raises ArmError 409 while another write to the profile is in flight."""
        self._settle(now)
        if key in self._in_flight:
            raise changes_collided()

    def write(self, key: ProfileKey, value: Profile | None, now: float, *, latency: float) -> None:
        """Put, or with None remove, a profile. Raises ArmError 409 on overlap."""
        self.refuse_overlap(key, now)
        self._in_flight[key] = _Write(now + latency, value)
        self._settle(now)

    def claimed_names(self, now: float) -> Iterator[tuple[str, ProfileKey]]:
        """Each relative name in lower case with its profile, also those of writes in flight."""
        for key, profile in self.profiles(now).items():
            yield profile.relative_name.casefold(), key
        for key, write in self._in_flight.items():
            if write.value is not None:
                yield write.value.relative_name.casefold(), key

    def count(self, subscription: str, now: float) -> int:
        """Profiles of a subscription, those being created included."""
        keys = self.profiles(now).keys() | {key for key, write in self._in_flight.items() if write.value is not None}
        return sum(key.subscription == subscription.casefold() for key in keys)

    def _settle(self, now: float) -> None:
        for key, write in list(self._in_flight.items()):
            if write.due <= now + _ROUNDING:
                del self._in_flight[key]
                self._revision += 1
                if write.value is None:
                    self._profiles.pop(key, None)
                else:
                    self._profiles[key] = write.value
