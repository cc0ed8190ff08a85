"""The samples are the product documentation's own, and they are valid as they stand."""

import pytest
import yaml

from tests.manifests.definitions import GROUP, MANIFESTS, SCHEMAS, sample


def test_the_profile_is_the_documentations() -> None:
    assert sample("profile.yaml") == {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "TrafficManagerProfile",
        "metadata": {"name": "myatm", "namespace": "work"},
        "spec": {
            "monitorConfig": {
                "protocol": "HTTP",
                "path": "/",
                "port": 8080,
                "intervalInSeconds": 30,
                "timeoutInSeconds": 10,
                "toleratedNumberOfFailures": 3,
            }
        },
    }


def test_the_backend_is_the_documentations() -> None:
    assert sample("backend.yaml") == {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "TrafficManagerBackend",
        "metadata": {"name": "app", "namespace": "work"},
        "spec": {"profile": {"name": "myatm"}, "backend": {"name": "app"}, "weight": 100},
    }


@pytest.mark.parametrize("name", ["profile.yaml", "backend.yaml"])
def test_a_sample_is_accepted_without_anything_pruned(name: str) -> None:
    obj = sample(name)
    schema = SCHEMAS[obj["kind"]]

    kept, unknown = schema.prune(obj)

    assert unknown == ()
    assert schema.validate(schema.default(kept)) == ()


def test_kustomize_applies_the_namespace_before_what_lies_in_it() -> None:
    listed = yaml.safe_load((MANIFESTS / "samples/kustomization.yaml").read_text())["resources"]

    assert listed == ["namespace.yaml", "profile.yaml", "backend.yaml"]
    assert sample("namespace.yaml")["metadata"] == {"name": "work"}
