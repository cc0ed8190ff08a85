"""One look at the definitions of our kinds, for whoever is about to act on what is gone from the hub.

The API server marks a definition before it deletes the first object of its kind. A look that begins after an object was
seen to go therefore always tells whether somebody meant that object or the kind was taken away.
"""

from __future__ import annotations

from fleetdns.controllers.ports import Definitions
from fleetdns.core.standstill import Standstill, losing, unproven
from fleetdns.errors import FleetDNSError

LOOK_AGAIN = 10.0  # seconds; a definition that stays after all brings no event to anybody


async def standstill(definitions: Definitions) -> Standstill | None:
    """Why Azure is to be left alone; None while every kind is served and stays."""
    try:
        return losing(await definitions.leaving())
    except FleetDNSError as error:
        return unproven(error)
