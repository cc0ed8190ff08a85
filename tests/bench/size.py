"""How large a fleet is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """So many profiles with so many endpoints each."""

    profiles: int
    endpoints: int

    def __str__(self) -> str:
        return f"{self.profiles}x{self.endpoints}"

    @property
    def total(self) -> int:
        return self.profiles * self.endpoints


def size(text: str) -> Size:
    """`PROFILESxENDPOINTS`."""
    profiles, _, endpoints = text.partition("x")
    return Size(int(profiles), int(endpoints))
