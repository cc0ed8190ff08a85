"""A kind that servers have under different versions: list and watch of whichever this server has.

which request finds its version gone       then
the first page, or a watch with the state  the same is asked of the next version; NotServed once none is left
a further page                             the next version's turn, and Expired: pages of one list have one version
a watch without the state                  the next version's turn, and Expired: whoever watches asks for the state

Versions of one kind are views of the same objects, with the same resourceVersions. So a state "not older than" what
was heard from one version can be asked of another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from fleetdns.runtime.listwatch import Expired, ListPage, ListWatch, NotServed, Take


class VersionedListWatch:
    """Fulfils runtime.ListWatch. `versions`: at least one, the preferred first; one that serves is kept to."""

    def __init__(self, versions: Sequence[ListWatch]) -> None:
        self._versions = tuple(versions)
        self._current = 0

    async def list(self, *, resource_version: str, limit: int | None, continue_token: str, take: Take) -> ListPage:
        tried = 0
        while True:
            version = self._versions[self._current]
            try:
                return await version.list(
                    resource_version=resource_version, limit=limit, continue_token=continue_token, take=take
                )
            except NotServed as error:
                tried += 1
                self._turn()
                if continue_token:
                    raise _moved() from error
                if tried == len(self._versions):
                    raise

    @asynccontextmanager
    async def watch(
        self, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with AsyncExitStack() as stack:
            yield await self._opened(
                stack,
                resource_version=resource_version,
                timeout_seconds=timeout_seconds,
                initial_events=initial_events,
            )

    async def _opened(
        self, stack: AsyncExitStack, *, resource_version: str, timeout_seconds: int, initial_events: bool
    ) -> AsyncIterator[bytes]:
        tried = 0
        while True:
            version = self._versions[self._current]
            try:
                return await stack.enter_async_context(
                    version.watch(
                        resource_version=resource_version,
                        timeout_seconds=timeout_seconds,
                        initial_events=initial_events,
                    )
                )
            except NotServed as error:
                tried += 1
                self._turn()
                if not initial_events:
                    raise _moved() from error
                if tried == len(self._versions):
                    raise

    def _turn(self) -> None:
        self._current = (self._current + 1) % len(self._versions)


def _moved() -> Expired:
    return Expired("the version of the kind is not served any more")
