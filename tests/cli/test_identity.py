"""Which managed identity: the one that Azure's own variable names."""

from __future__ import annotations

import pytest

from fleetdns.settings import parse

FLAGS = ["--subscription-id=11111111-2222-3333-4444-555555555555"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        pytest.param({"AZURE_CLIENT_ID": "an-identity"}, "an-identity", id="named"),
        pytest.param({"AZURE_CLIENT_ID": ""}, None, id="empty is the machine's own"),
        pytest.param({}, None, id="absent is the machine's own"),
    ],
)
def test_a_user_assigned_identity_is_the_one_that_azures_variable_names(
    environment: dict[str, str], expected: str | None
) -> None:
    assert parse(FLAGS, environment).managed_identity_client_id == expected
