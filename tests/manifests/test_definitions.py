"""The CRDs are the contract of the API: names, versions, columns, and what their schemas promise."""

import pytest
import yaml

from tests.manifests.definitions import DEFINITIONS, GROUP, MANIFESTS, SCHEMAS, levels, openapi, versions

TWO_VERSIONS = ("TrafficManagerProfile", "TrafficManagerBackend", "ServiceExport")
KINDS = (*TWO_VERSIONS, "InternalServiceExport", "ServiceImport")


def test_the_five_kinds_are_defined() -> None:
    assert sorted(DEFINITIONS) == sorted(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_named_after_the_definition_in_it_and_kustomize_applies_it(kind: str) -> None:
    plural = DEFINITIONS[kind]["spec"]["names"]["plural"]
    listed = yaml.safe_load((MANIFESTS / "crds/kustomization.yaml").read_text())["resources"]

    assert f"{GROUP}_{plural}.yaml" in listed
    assert (MANIFESTS / "crds" / f"{GROUP}_{plural}.yaml").exists()
    assert DEFINITIONS[kind]["metadata"]["name"] == f"{plural}.{GROUP}"


@pytest.mark.parametrize(
    ("kind", "short"),
    [
        ("TrafficManagerProfile", "tmp"),
        ("TrafficManagerBackend", "tmb"),
        ("ServiceExport", "svcexport"),
        ("ServiceImport", "svcimport"),
        ("InternalServiceExport", "internalsvcexport"),
    ],
)
def test_a_kind_has_fleets_names(kind: str, short: str) -> None:
    spec = DEFINITIONS[kind]["spec"]

    assert spec["group"] == GROUP
    assert spec["scope"] == "Namespaced"
    assert spec["conversion"] == {"strategy": "None"}
    assert spec["names"] == {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": f"{kind.lower()}s",
        "singular": kind.lower(),
        "shortNames": [short],
        "categories": ["fleet-networking"],
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_version_is_served_has_a_status_subresource_and_one_is_stored(kind: str) -> None:
    expected = {"v1alpha1": False, "v1beta1": True} if kind in TWO_VERSIONS else {"v1alpha1": True}

    assert {name: version["storage"] for name, version in versions(kind).items()} == expected
    assert all(version["served"] for version in versions(kind).values())
    assert all(version["subresources"] == {"status": {}} for version in versions(kind).values())


@pytest.mark.parametrize("kind", TWO_VERSIONS)
def test_both_versions_have_the_same_schema_and_columns(kind: str) -> None:
    old, new = versions(kind)["v1alpha1"], versions(kind)["v1beta1"]

    assert old["schema"] == new["schema"]
    assert old["additionalPrinterColumns"] == new["additionalPrinterColumns"]


def condition(name: str) -> str:
    return f".status.conditions[?(@.type=='{name}')].status"


AGE = ("Age", ".metadata.creationTimestamp")


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        pytest.param(
            "TrafficManagerProfile",
            [
                ("DNS-Name", ".status.dnsName"),
                ("Is-Programmed", condition("Programmed")),
                ("Healthy", condition("Healthy")),
                ("Endpoints", ".status.endpoints.total"),
                AGE,
            ],
            id="a profile shows its name, whether it is programmed and healthy, and its endpoints",
        ),
        pytest.param(
            "TrafficManagerBackend",
            [
                ("Profile", ".spec.profile.name"),
                ("Backend", ".spec.backend.name"),
                ("Is-Accepted", condition("Accepted")),
                ("Endpoints", ".status.endpointCount"),
                AGE,
            ],
            id="a backend shows what it joins, whether it is accepted, and its endpoints",
        ),
        pytest.param(
            "ServiceExport",
            [("Is-Valid", condition("Valid")), ("Is-Conflicted", condition("Conflict")), AGE],
            id="an export shows whether it is valid and agreed on",
        ),
        pytest.param(
            "InternalServiceExport",
            [
                ("Cluster", ".spec.serviceReference.clusterId"),
                ("Service", ".spec.serviceReference.namespacedName"),
                ("Type", ".spec.type"),
                ("Weight", ".spec.weight"),
                ("Is-Conflicted", condition("Conflict")),
                AGE,
            ],
            id="an internal export shows whose it is",
        ),
        pytest.param(
            "ServiceImport",
            [("Type", ".status.type"), AGE],
            id="an import shows its type",
        ),
    ],
)
def test_kubectl_get_shows_the_columns_of_the_contract(kind: str, columns: list[tuple[str, str]]) -> None:
    for version in versions(kind).values():
        shown = [column for column in version["additionalPrinterColumns"] if not column.get("priority")]
        assert [(column["name"], column["jsonPath"]) for column in shown] == columns


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_described(kind: str) -> None:
    bare = [path for path, level in levels(openapi(kind)) if not level.get("description", "").strip()]

    # Kubernetes allows no description there and gives its own.
    assert bare == [".metadata"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_list_says_how_it_merges(kind: str) -> None:
    lists = {path: level for path, level in levels(openapi(kind)) if level.get("type") == "array"}

    assert lists
    assert [path for path, level in lists.items() if "x-kubernetes-list-type" not in level] == []


@pytest.mark.parametrize("kind", KINDS)
def test_conditions_are_keyed_by_type(kind: str) -> None:
    status = openapi(kind)["properties"]["status"]["properties"]
    if kind == "ServiceImport":
        assert "conditions" not in status
        return
    assert status["conditions"]["x-kubernetes-list-type"] == "map"
    assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]
    assert "observedGeneration" in status["conditions"]["items"]["properties"]


@pytest.mark.parametrize("kind", KINDS)
def test_text_that_a_rule_compares_has_a_longest_length(kind: str) -> None:
    """Otherwise the API server estimates the rule as too expensive and refuses the definition."""
    compared = {
        "TrafficManagerProfile": (
            ".spec.resourceGroup",
            ".spec.monitorConfig.path",
            ".spec.dnsConfig.relativeName",
            ".status.dnsName",
            ".status.resourceID",
        ),
        "TrafficManagerBackend": (".spec.profile.name", ".spec.backend.name"),
    }
    known = dict(levels(openapi(kind)))

    assert all("maxLength" in known[path] for path in compared.get(kind, ()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_object_without_anything_optional_is_accepted(kind: str) -> None:
    spec = {
        "TrafficManagerProfile": {},
        "TrafficManagerBackend": {"profile": {"name": "a"}, "backend": {"name": "b"}},
    }
    obj = {"apiVersion": f"{GROUP}/v1alpha1", "kind": kind, "metadata": {"name": "a", "namespace": "work"}}
    if kind in spec:
        obj["spec"] = spec[kind]

    assert SCHEMAS[kind].validate(SCHEMAS[kind].default(obj)) == ()


def test_what_belongs_to_a_later_release_is_not_in_the_schema() -> None:
    later = {"expectedStatusCodeRanges", "trafficRoutingMethod", "maxReturn", "priority", "endpointLocation"}
    later |= {"geoMapping", "subnets", "minChildEndpoints", "alwaysServe"}
    fields = {path.rpartition(".")[2] for kind in KINDS for path, _ in levels(openapi(kind))}

    assert fields & later == set()
