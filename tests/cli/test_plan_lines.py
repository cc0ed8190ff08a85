"""What `fleetdns plan` prints of one profile: what is held, and what Azure refused before and is asked once more."""

from __future__ import annotations

from fleetdns.app.reading import Planned
from fleetdns.commands.plan import lines
from fleetdns.commands.terminal import Paint
from fleetdns.controllers.listing import Seen
from fleetdns.core.calls import PutEndpoint
from fleetdns.core.preview import Kept, ProfilePreview, Step
from fleetdns.core.trafficmanager import Endpoint
from tests.core.builders import endpoint_name, make_backend, make_identity, make_profile

REFUSED, HELD = (endpoint_name(cluster).lower() for cluster in ("a", "b"))
SERVICE = make_backend().spec.backend.name


def test_what_is_tried_once_more_is_not_called_held() -> None:
    ref = make_identity().ref
    profile = ProfilePreview(
        make_profile().metadata.key,
        ref,
        "myatm.trafficmanager.net",
        steps=(Step(PutEndpoint(ref, Endpoint(REFUSED), "not in Azure")),),
        kept=(Kept(REFUSED, "Refused", "BadRequest: no such IP"), Kept(HELD, "Paused", "it is paused")),
    )
    planned = Planned("https://hub", "id", None, Seen(is_whole=True, refused=()), (profile,), knows_overrides=True)
    told = list(lines(planned, Paint(is_on=False)))
    assert told[1:4] == [
        f"  PUT endpoint {SERVICE} in a  not in Azure",
        f"  refused before  {SERVICE} in a: BadRequest: no such IP (Refused)",
        f"  held  {SERVICE} in b: it is paused (Paused)",
    ]
