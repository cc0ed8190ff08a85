"""One list of profiles while it is read: each by itself, and only those decoded that are not as they were last time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from fleetdns.azure.codec import Undecodable, decode_listed
from fleetdns.azure.pages import Page, read_page
from fleetdns.azure.recognition import Decoded, Recognition
from fleetdns.core.trafficmanager import Listing, Profile
from fleetdns.runtime.elements import Element


class ProfileList:
    """`subscription` and `resource_group`: what is listed, for profiles that come without an id. `before`: what the
    same list gave last time. `on_undecodable(name, because)` hears of each profile that is there and not understood.
    """

    def __init__(
        self,
        subscription: str,
        resource_group: str | None,
        *,
        before: Decoded[Profile],
        on_undecodable: Callable[[str, str], None],
    ) -> None:
        self._subscription = subscription
        self._resource_group = resource_group
        self._on_undecodable = on_undecodable
        self._recognition = Recognition(before)
        self._unreadable: set[str] = set()

    async def read(self, chunks: AsyncIterator[bytes]) -> Page:
        """One page. Raises Malformed when it is none."""
        return await read_page(chunks, take=self._take, expected=lambda: self._recognition.expected)

    @property
    def decoded(self) -> Decoded[Profile]:
        """What has been read."""
        return self._recognition.now

    @property
    def listing(self) -> Listing:
        """What has been read, for the controllers."""
        return Listing(self.decoded.values, frozenset(self._unreadable))

    def _take(self, element: Element) -> None:
        if self._recognition.recognised(element):
            return
        try:
            profile = decode_listed(element.raw, subscription=self._subscription, resource_group=self._resource_group)
        except Undecodable as problem:
            self._unreadable.add(problem.name.lower())
            self._on_undecodable(problem.name, problem.because)
        else:
            self._recognition.decoded(element, profile)
