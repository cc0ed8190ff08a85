"""What `fleetdns status` makes of the statuses on the hub."""

from __future__ import annotations

import pytest

from fleetdns.api.backend import BackendStatus, EndpointStatus, FromCluster, RejectedExport
from fleetdns.core.overview import overviews
from tests.core.builders import make_backend, make_profile

ENDPOINT = EndpointStatus("fleet-u#app#a", "id", target="a.example", weight=5, from_=FromCluster("a"))
REFUSED = RejectedExport("a", "AzureRefused", "BadRequest: no")


@pytest.mark.parametrize(
    ("endpoints", "rejected", "serving"),
    [
        pytest.param((), (REFUSED,), [False], id="Azure takes no endpoint"),
        pytest.param((ENDPOINT,), (REFUSED,), [True], id="Azure takes no change of one that serves"),
        pytest.param(
            (ENDPOINT,), (REFUSED, RejectedExport("a", "DisabledInAzure", "off")), [False, False], id="switched off"
        ),
        pytest.param((ENDPOINT,), (RejectedExport("b", "AzureRefused", "no"),), [False], id="another cluster serves"),
    ],
)
def test_whether_a_cluster_serves_all_the_same(
    endpoints: tuple[EndpointStatus, ...], rejected: tuple[RejectedExport, ...], serving: list[bool]
) -> None:
    backend = make_backend(status=BackendStatus(endpoints=endpoints, rejected=rejected))
    (overview,) = overviews([make_profile()], [backend])
    assert [unserved.is_serving for unserved in overview.unserved] == serving
