"""What the zone answers: record types, names that do not exist, routing methods, shares."""

import ipaddress
from collections import Counter
from typing import Any

import pytest

from fleetdns.emulator.dns.answers import Answer, answer
from fleetdns.emulator.dns.choice import Client
from fleetdns.emulator.dns.zone import zone_of
from tests.emulator_dns.snapshots import ORIGIN, dice, endpoint, nested, profile

NAME = f"web.{ORIGIN}."


def asked(
    *profiles: dict[str, Any], name: str = NAME, rdtype: str = "A", client: Client | None = None, seed: int = 1
) -> Answer:
    return answer(zone_of(profiles, ORIGIN), name, rdtype, dice(seed), client=client)


def texts(found: Answer) -> list[tuple[str, str]]:
    return [(record.type, record.text) for record in found.records]


def shares(*profiles: dict[str, Any], queries: int = 4_000) -> dict[str, float]:
    zone, random = zone_of(profiles, ORIGIN), dice()
    counts = Counter(answer(zone, NAME, "A", random).records[0].text for _ in range(queries))
    return {text: count / queries for text, count in counts.items()}


@pytest.mark.parametrize("rdtype", ["A", "AAAA", "CNAME", "ANY", "TXT", "HTTPS"])
def test_a_name_as_target_is_one_cname_with_the_profiles_ttl(rdtype: str) -> None:
    found = asked(profile(endpoint("one"), ttl=17), rdtype=rdtype)
    (record,) = found.records
    assert (found.rcode, record.name, record.ttl, record.type, record.text) == (
        "NOERROR",
        NAME,
        17,
        "CNAME",
        "one.example.com.",
    )


def test_a_ttl_of_zero_stays_zero() -> None:
    assert asked(profile(endpoint(), ttl=0)).records[0].ttl == 0


@pytest.mark.parametrize(
    ("target", "rdtype", "expected"),
    [
        ("8.8.8.8", "A", [("A", "8.8.8.8")]),
        ("8.8.8.8", "AAAA", []),
        ("8.8.8.8", "CNAME", []),
        ("8.8.8.8", "ANY", [("A", "8.8.8.8")]),
        ("2001:4860::1", "A", []),
        ("2001:4860::1", "AAAA", [("AAAA", "2001:4860::1")]),
        ("2001:4860::1", "CNAME", []),
        ("2001:4860::1", "ANY", [("AAAA", "2001:4860::1")]),
    ],
)
def test_an_address_as_target_answers_its_own_type_only(
    target: str, rdtype: str, expected: list[tuple[str, str]]
) -> None:
    found = asked(profile(endpoint(target=target)), rdtype=rdtype)
    assert (found.rcode, texts(found)) == ("NOERROR", expected)
    assert [record.type for record in found.authority] == ([] if expected else ["SOA"])


@pytest.mark.parametrize("name", ["WEB.TrafficManager.NET.", "web.trafficmanager.net", "wEb.trafficmanager.net."])
def test_names_compare_without_case_and_keep_the_spelling_of_the_question(name: str) -> None:
    assert asked(profile(endpoint()), name=name).records[0].name == name


@pytest.mark.parametrize(
    ("found", "rcode"),
    [
        pytest.param(profile(), "NXDOMAIN", id="no endpoints"),
        pytest.param(profile(endpoint(), profileStatus="Disabled"), "NXDOMAIN", id="profile disabled"),
        pytest.param(
            profile(endpoint("a", state="Disabled"), endpoint("b", state="Disabled")), "NXDOMAIN", id="all disabled"
        ),
        pytest.param(profile(endpoint(state="Stopped")), "NOERROR", id="all stopped: NODATA"),
        pytest.param(profile(endpoint(), name="other"), "NXDOMAIN", id="no such profile"),
        pytest.param(profile(endpoint(), name="a.web"), "NOERROR", id="an inner node of a longer name: NODATA"),
    ],
)
def test_what_has_no_answer_says_so_with_the_soa(found: dict[str, Any], rcode: str) -> None:
    given = asked(found)
    assert (given.rcode, given.records) == (rcode, ())
    assert [record.type for record in given.authority] == ["SOA"]


@pytest.mark.parametrize("name", ["example.com.", ".", "net.", "nottrafficmanager.net.", "xtrafficmanager.net"])
def test_other_zones_are_refused(name: str) -> None:
    assert asked(profile(endpoint()), name=name) == Answer("REFUSED")


@pytest.mark.parametrize(("rdtype", "types"), [("SOA", ["SOA"]), ("NS", ["NS"]), ("ANY", ["SOA", "NS"]), ("A", [])])
def test_the_apex_has_a_soa_and_a_name_server(rdtype: str, types: list[str]) -> None:
    found = asked(name=f"{ORIGIN}.", rdtype=rdtype)
    assert (found.rcode, [record.type for record in found.records]) == ("NOERROR", types)


@pytest.mark.parametrize(
    ("states", "able"),
    [
        pytest.param(["Online", "Degraded"], [0], id="degraded ones are out"),
        pytest.param(["CheckingEndpoint", "Disabled"], [0], id="one being checked is in, a disabled one out"),
        pytest.param(["Unmonitored", "Stopped", "Inactive"], [0], id="always served is in, stopped and inactive out"),
        pytest.param(["Degraded", "Degraded", "Stopped"], [0, 1], id="all degraded: all of them are in"),
        pytest.param(["Degraded", "Disabled"], [0], id="a disabled one is out even then"),
    ],
)
def test_who_takes_part_depends_on_the_monitor_states(states: list[str], able: list[int]) -> None:
    found = shares(profile(*(endpoint(f"e{number}", state=state) for number, state in enumerate(states))), queries=100)
    assert set(found) == {f"e{number}.example.com." for number in able}


@pytest.mark.parametrize("weights", [[1, 1], [1, 3], [500, 300, 200], [1000, 1]])
@pytest.mark.parametrize("state", ["Online", "Degraded"])
def test_weighted_answers_follow_the_weights_also_when_all_are_degraded(weights: list[int], state: str) -> None:
    endpoints = [endpoint(f"e{number}", weight=weight, state=state) for number, weight in enumerate(weights)]
    queries = 4_000
    found = shares(profile(*endpoints), queries=queries)
    for number, weight in enumerate(weights):
        share = weight / sum(weights)
        deviation = (share * (1 - share) / queries) ** 0.5
        assert abs(found.get(f"e{number}.example.com.", 0) - share) < 4 * deviation


def test_priority_answers_the_first_that_is_available() -> None:
    endpoints = [
        endpoint("a", priority=1, state="Degraded"),
        endpoint("c", priority=3),
        endpoint("b", priority=2, state="CheckingEndpoint"),
    ]
    assert set(shares(profile(*endpoints, method="Priority"), queries=20)) == {"b.example.com."}
    down = [{**item, "properties": {**item["properties"], "endpointMonitorStatus": "Degraded"}} for item in endpoints]
    assert set(shares(profile(*down, method="Priority"), queries=20)) == {"a.example.com."}


PLACES = profile(
    endpoint("eu", endpointLocation="West Europe"),
    endpoint("us", "web.eastus.cloudapp.azure.com"),
    endpoint("us2", endpointLocation="East US"),
    method="Performance",
)


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("westeurope", {"eu.example.com."}),
        ("West Europe", {"eu.example.com."}),
        ("eastus", {"web.eastus.cloudapp.azure.com.", "us2.example.com."}),
        ("mars", {"web.eastus.cloudapp.azure.com.", "us2.example.com."}),
    ],
)
def test_performance_answers_from_the_clients_region(region: str, expected: set[str]) -> None:
    found = {asked(PLACES, client=Client(region=region), seed=seed).records[0].text for seed in range(20)}
    assert found == expected


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        pytest.param(("DE", "GEO-EU"), [("CNAME", "de.example.com.")], id="the narrowest mapping"),
        pytest.param(("FR", "GEO-EU"), [("CNAME", "eu.example.com.")], id="a group, even when degraded"),
        pytest.param(("JP", "GEO-AS"), [("CNAME", "all.example.com.")], id="the world"),
        pytest.param(("US", "GEO-NA"), [], id="a stopped endpoint has no data"),
    ],
)
def test_geographic_answers_by_place(places: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    mapped = profile(
        endpoint("all", geoMapping=["WORLD"]),
        endpoint("eu", geoMapping=["GEO-EU"], state="Degraded"),
        endpoint("de", geoMapping=["DE"]),
        endpoint("na", geoMapping=["GEO-NA"], state="Stopped"),
        method="Geographic",
    )
    assert texts(asked(mapped, client=Client(places=places))) == expected


def test_geographic_without_a_mapping_has_no_data() -> None:
    mapped = profile(endpoint("de", geoMapping=["DE"]), method="Geographic")
    found = asked(mapped, client=Client(places=("FR",)))
    assert (found.rcode, found.records) == ("NOERROR", ())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("1.2.3.200", "net.example.com."),
        ("9.0.0.5", "range.example.com."),
        ("8.0.0.1", "rest.example.com."),
        ("2001:4860::1", "rest.example.com."),
        (None, "rest.example.com."),
    ],
)
def test_subnet_answers_by_address(address: str | None, expected: str) -> None:
    mapped = profile(
        endpoint("rest"),
        endpoint("net", subnets=[{"first": "1.2.3.0", "scope": 24}]),
        endpoint("range", subnets=[{"first": "9.0.0.1", "last": "9.0.0.9"}]),
        method="Subnet",
    )
    client = Client(address=None if address is None else ipaddress.ip_address(address))
    assert asked(mapped, client=client).records[0].text == expected


def test_multivalue_answers_several_addresses_of_the_type_asked_for() -> None:
    many = profile(
        endpoint("a", "8.8.8.1"),
        endpoint("b", "8.8.8.2"),
        endpoint("c", "8.8.8.3"),
        endpoint("d", "8.8.8.4", state="Degraded"),
        endpoint("e", "2001:4860::1"),
        method="MultiValue",
        maxReturn=3,
    )
    assert sorted(texts(asked(many))) == [("A", "8.8.8.1"), ("A", "8.8.8.2"), ("A", "8.8.8.3")]
    assert texts(asked(many, rdtype="AAAA")) == [("AAAA", "2001:4860::1")]
    assert len(texts(asked(many, rdtype="ANY"))) == 3
    assert texts(asked(many, rdtype="CNAME")) == []


def test_multivalue_returns_two_unless_told() -> None:
    many = profile(*(endpoint(f"e{number}", f"8.8.8.{number}") for number in range(5)), method="MultiValue")
    assert len(texts(asked(many))) == 2


def test_a_nested_profile_answers_with_one_cname_and_the_ttl_of_the_name_asked_for() -> None:
    child = profile(endpoint("deep"), name="child", ttl=5, method="Priority")
    found = asked(profile(nested("child"), ttl=60), child)
    assert texts(found) == [("CNAME", "deep.example.com.")]
    assert found.records[0].ttl == 60


def test_a_nested_multivalue_profile_answers_with_one_of_its_addresses() -> None:
    child = profile(endpoint("a", "8.8.8.1"), endpoint("b", "8.8.8.2"), name="child", method="MultiValue")
    (found,) = texts(asked(profile(nested("child")), child))
    assert found in (("A", "8.8.8.1"), ("A", "8.8.8.2"))


def test_a_nested_profile_that_is_gone_or_endless_has_no_data() -> None:
    assert texts(asked(profile(nested("child")))) == []
    assert texts(asked(profile(nested("child")), profile(endpoint(), name="child", profileStatus="Disabled"))) == []
    assert texts(asked(profile(nested("web")))) == []


def test_an_endpoint_without_a_target_has_no_data() -> None:
    lost = endpoint()
    lost["properties"]["target"] = None
    assert texts(asked(profile(lost))) == []
