"""Names made from UIDs, and back."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetdns.api.meta import ObjectKey
from fleetdns.core.naming import (
    EndpointName,
    azure_profile_name,
    dns_name_problem,
    parse_endpoint_name,
    profile_tag,
    relative_name,
    unknown_placeholders,
)
from fleetdns.core.trafficmanager import ProfileRef, parse_profile_id

UID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.uuids(), LABELS, LABELS)
@settings(max_examples=50, deadline=None)
def test_an_endpoint_name_says_what_it_was_made_of_in_any_case(uid: UUID, service: str, cluster: str) -> None:
    name = EndpointName(str(uid), service, cluster)
    assert parse_endpoint_name(str(name)) == name
    assert parse_endpoint_name(str(name).upper()) == name


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("by-hand", id="a name given by hand"),
        pytest.param(f"fleet-{UID}", id="no service and cluster"),
        pytest.param(f"fleet-{UID}#app", id="no cluster"),
        pytest.param(f"fleet-{UID}#app#", id="an empty cluster"),
        pytest.param(f"fleet-{UID}##member-1", id="an empty service"),
        pytest.param(f"fleet-{UID}#app#member-1#more", id="one part too many"),
        pytest.param("fleet-not-a-uid#app#member-1", id="no uid"),
        pytest.param(f"my-fleet-{UID}#app#member-1", id="another prefix"),
        pytest.param("", id="nothing"),
    ],
)
def test_other_names_are_somebody_elses(name: str) -> None:
    assert parse_endpoint_name(name) is None


@pytest.mark.parametrize(
    ("template", "name"),
    [
        pytest.param("{name}", "myatm", id="the default is the object's name"),
        pytest.param("{namespace}-{name}", "work-myatm", id="Fleet's names"),
        pytest.param("{name}.{namespace}.corp", "myatm.work.corp", id="a path of labels"),
        pytest.param("fixed", "fixed", id="no placeholder"),
    ],
)
def test_a_template_gives_the_dns_prefix(template: str, name: str) -> None:
    assert relative_name(template, ObjectKey("work", "myatm")) == name
    assert unknown_placeholders(template) == ()


def test_a_placeholder_that_nobody_knows_is_named() -> None:
    assert unknown_placeholders("{name}-{cluster}-{}") == ("{cluster}", "{}")


@pytest.mark.parametrize(
    ("name", "is_valid"),
    [
        pytest.param("myatm", True, id="a label"),
        pytest.param("MyAtm", True, id="upper case is a spelling"),
        pytest.param("0-0", True, id="digits and an inner hyphen"),
        pytest.param("a.b.c", True, id="a path of labels"),
        pytest.param("a" * 63, True, id="63 characters"),
        pytest.param("a" * 64, False, id="64 characters"),
        pytest.param("", False, id="nothing"),
        pytest.param("a..b", False, id="an empty label"),
        pytest.param(".a", False, id="a leading dot"),
        pytest.param("-a", False, id="a leading hyphen"),
        pytest.param("a-", False, id="a trailing hyphen"),
        pytest.param("a_b", False, id="an underscore"),
        pytest.param("a\n", False, id="a line end"),
        pytest.param("\u017ftra\u00dfe", False, id="letters that only look or fold like ASCII"),
        pytest.param("\u212a8s", False, id="the Kelvin sign is no k"),
    ],
)
def test_dns_labels(name: str, is_valid: bool) -> None:
    assert (dns_name_problem(name) is None) == is_valid


def test_two_namespaced_names_may_collide_and_the_tags_tell_them_apart() -> None:
    one, other = ObjectKey("a-b", "c"), ObjectKey("a", "b-c")
    assert relative_name("{namespace}-{name}", one) == relative_name("{namespace}-{name}", other)
    assert profile_tag(one) != profile_tag(other)


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        pytest.param(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/p",
            ProfileRef("s", "g", "p"),
            id="as written",
        ),
        pytest.param(
            "/SUBSCRIPTIONS/S/resourcegroups/G/Providers/microsoft.network/TRAFFICMANAGERPROFILES/P",
            ProfileRef("S", "G", "P"),
            id="fixed parts in another case",
        ),
        pytest.param("", None, id="nothing"),
        pytest.param("/subscriptions/s/resourceGroups/g", None, id="a group"),
        pytest.param(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/publicIPAddresses/p", None, id="another type"
        ),
        pytest.param(
            "/subscriptions//resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/p",
            None,
            id="an empty part",
        ),
        pytest.param(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/p/azureEndpoints/e",
            None,
            id="an endpoint",
        ),
        pytest.param(
            "x/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/trafficManagerProfiles/p",
            None,
            id="not from the root",
        ),
    ],
)
def test_a_profiles_resource_id_gives_its_address(text: str, ref: ProfileRef | None) -> None:
    assert parse_profile_id(text) == ref


@given(st.uuids(), LABELS, LABELS)
@settings(max_examples=25, deadline=None)
def test_an_address_survives_its_resource_id(uid: UUID, subscription: str, group: str) -> None:
    ref = ProfileRef(subscription, group, azure_profile_name(str(uid)))
    assert parse_profile_id(ref.resource_id) == ref
    assert ProfileRef(subscription.upper(), group, ref.name).folded == ref.folded
