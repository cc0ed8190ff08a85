"""Why Azure is left alone altogether: the hub loses a kind of ours, or nobody can tell whether it does.

Deleting a CustomResourceDefinition makes the API server delete every object of the kind by its own hand: nobody meant
what the objects stood for.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleetdns.errors import FleetDNSError


@dataclass(frozen=True, slots=True)
class Standstill:
    """`leaving`: the plurals of the kinds whose definition is being deleted or gone; none where that is unknown."""

    message: str
    leaving: frozenset[str] = frozenset()


def losing(leaving: frozenset[str]) -> Standstill | None:
    """What follows from the definitions that leave; None: nothing does."""
    if not leaving:
        return None
    names = ", ".join(sorted(leaving))
    return Standstill(
        f"the hub is losing the CustomResourceDefinition of {names}, and the objects with it: Azure is left alone",
        leaving,
    )


def unproven(error: FleetDNSError) -> Standstill:
    """What follows when the definitions could not be looked at."""
    return Standstill(
        "objects on the hub are gone, and whether their CustomResourceDefinitions are being deleted cannot be seen "
        f"({error.code}: {error.sentence}): Azure is left alone until it can"
    )
