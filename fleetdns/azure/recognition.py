"""What the elements of a list were decoded to, so that one that comes again as it was is not decoded again."""

from __future__ import annotations

from typing import Generic, TypeVar

from fleetdns.runtime.elements import Element, Fingerprint

T = TypeVar("T")


class Decoded(Generic[T]):
    """The elements of one list in their order, each with its value."""

    def __init__(self) -> None:
        self._fingerprints: list[Fingerprint] = []
        self._values: list[T] = []
        self._places: dict[Fingerprint, int] = {}

    @property
    def values(self) -> tuple[T, ...]:
        """In the order of the list."""
        return tuple(self._values)

    def add(self, fingerprint: Fingerprint, value: T) -> None:
        """One more element, behind all others."""
        self._places[fingerprint] = len(self._values)
        self._fingerprints.append(fingerprint)
        self._values.append(value)

    def at(self, place: int) -> Fingerprint | None:
        """What stands at this place of the list."""
        return self._fingerprints[place] if place < len(self._fingerprints) else None

    def find(self, fingerprint: Fingerprint) -> tuple[int, T] | None:
        """The place and the value of an element that is exactly like this."""
        place = self._places.get(fingerprint)
        return None if place is None else (place, self._values[place])


class Recognition(Generic[T]):
    """Reads a list beside what it was `before`; `now` is what it is."""

    def __init__(self, before: Decoded[T]) -> None:
        self.now: Decoded[T] = Decoded()
        self._before = before
        self._place = 0  # of the element that comes next, if the list goes on as it did

    @property
    def expected(self) -> Fingerprint | None:
        """The element that probably comes next."""
        return self._before.at(self._place)

    def recognised(self, element: Element) -> bool:
        """Whether the element was there before: then it has its value again. If not, `decoded` is to be told it."""
        found = self._before.find(element.fingerprint)
        self._place = 1 + (self._place if found is None else found[0])
        if found is not None:
            self.now.add(element.fingerprint, found[1])
        return found is not None

    def decoded(self, element: Element, value: T) -> None:
        """What an element that was not recognised means."""
        self.now.add(element.fingerprint, value)


class ListMemory(Generic[T]):
    """The last list of each resource group, and that of the whole subscription until every group in use had its own.

    `group`: folded, "" for the whole subscription.
    """

    def __init__(self) -> None:
        self._lists: dict[tuple[str, str], Decoded[T]] = {}

    def of(self, subscription: str, group: str) -> Decoded[T]:
        """What a list that is asked for now may be like."""
        own = self._lists.get((subscription, group))
        return own or self._lists.get((subscription, "")) or Decoded()

    def keep(self, subscription: str, group: str, now: Decoded[T]) -> None:
        """A list was read to its end."""
        before = self._lists.pop((subscription, group), None)
        if now.values:
            self._lists[subscription, group] = now
        if group and before is not None:
            self._lists.pop((subscription, ""), None)  # a second sweep: the first has seen all groups in use
