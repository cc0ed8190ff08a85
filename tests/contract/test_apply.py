"""Server-side apply: who owns which field, and what happens when two want the same one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.client import API, APPLY
from tests.contract.samples import GROUP, OLD_PROFILES, PROFILES, SHOP, condition, profile

STATUS = f"{SHOP}/status"


def headers(**values: str) -> dict[str, Any]:
    return {"customHeaders": [{"name": name, "value": value} for name, value in values.items()]}


def shown(body: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in body["spec"]["monitorConfig"]["customHeaders"]}


async def test_applying_creates_and_then_changes(api: API) -> None:
    assert (await api.apply(SHOP, profile(), manager="one")).code == 201
    changed = await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    assert (changed.code, changed.body["spec"]) == (200, {"deletionPolicy": "Retain"})
    again = await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    assert again.version == changed.version


async def test_a_field_that_is_no_longer_applied_goes_unless_somebody_shares_it(api: API) -> None:
    await api.apply(SHOP, profile(resourceGroup="rg", labels={"a": "1", "b": "2"}), manager="one")
    await api.apply(SHOP, profile(labels={"b": "2"}), manager="two")
    left = await api.apply(SHOP, profile(resourceGroup="rg"), manager="one")
    assert left.body["metadata"]["labels"] == {"b": "2"}


async def test_items_of_a_list_map_have_owners_of_their_own(api: API) -> None:
    await api.apply(SHOP, profile(monitorConfig=headers(a="1", b="2")), manager="one")
    both = await api.apply(SHOP, profile(monitorConfig=headers(c="3")), manager="two")
    assert shown(both.body) == {"a": "1", "b": "2", "c": "3"}
    fewer = await api.apply(SHOP, profile(monitorConfig=headers(b="2")), manager="one")
    assert shown(fewer.body) == {"b": "2", "c": "3"}


async def test_a_conflict_names_field_and_manager_and_force_takes_it(api: API) -> None:
    await api.apply(SHOP, profile(monitorConfig=headers(a="1")), manager="one")
    reply = await api.apply(SHOP, profile(monitorConfig=headers(a="2")), manager="two")
    assert (reply.code, reply.body["details"]) == (
        409,
        {
            "causes": [
                {
                    "reason": "FieldManagerConflict",
                    "message": 'conflict with "one"',
                    "field": '.spec.monitorConfig.customHeaders[name="a"].value',
                }
            ]
        },
    )
    forced = await api.apply(SHOP, profile(monitorConfig=headers(a="2")), manager="two", force=True)
    assert shown(forced.body) == {"a": "2"}


async def test_several_conflicts_are_told_plain_fields_first(api: API) -> None:
    wanted = profile(monitorConfig=headers(a="1"), deletionPolicy="Retain")
    await api.apply(SHOP, wanted, manager="one")
    reply = await api.apply(SHOP, profile(monitorConfig=headers(a="2"), deletionPolicy="Delete"), manager="two")
    fields = [".spec.deletionPolicy", '.spec.monitorConfig.customHeaders[name="a"].value']
    assert (reply.code, reply.causes) == (409, [(field, 'conflict with "one"') for field in fields])
    assert reply.body["message"] == (
        f'Apply failed with 2 conflicts: conflicts with "one":\n- {fields[0]}\n- {fields[1]}'
    )
    assert (await api.get(SHOP)).body["spec"]["deletionPolicy"] == "Retain"


async def test_every_owner_who_objects_is_named(api: API) -> None:
    await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    await api.merge(f"{SHOP}?fieldManager=somebody", {"spec": {"dnsConfig": {"ttl": 5}}})
    reply = await api.apply(SHOP, profile(deletionPolicy="Delete", dnsConfig={"ttl": 6}), manager="two")
    # Managers come in no fixed order.
    assert sorted(reply.causes) == [
        (".spec.deletionPolicy", 'conflict with "one"'),
        (".spec.dnsConfig.ttl", f'conflict with "somebody" using {GROUP}/v1beta1'),
    ]


async def test_a_field_can_be_shared_by_who_wants_the_same(api: API) -> None:
    kept: dict[str, Any] = {"resourceGroup": "rg"}
    for manager in ("one", "two"):
        reply = await api.apply(SHOP, profile(deletionPolicy="Retain", **kept), manager=manager)
        assert reply.code < 300, reply.text
    assert (await api.apply(SHOP, profile(**kept), manager="one")).body["spec"]["deletionPolicy"] == "Retain"
    assert (await api.apply(SHOP, profile(**kept), manager="two")).body["spec"]["deletionPolicy"] == "Delete"


async def test_an_owner_in_one_version_is_an_owner_in_the_other(api: API) -> None:
    await api.apply(SHOP, profile(monitorConfig=headers(a="1")), manager="one")
    old, body = f"{OLD_PROFILES}/shop", profile(version="v1alpha1", monitorConfig=headers(a="2"))
    assert [field for field, _ in (await api.apply(old, body, manager="two")).causes] == [
        '.spec.monitorConfig.customHeaders[name="a"].value'
    ]
    assert (await api.apply(old, body, manager="two", force=True)).code == 200
    left = await api.apply(SHOP, profile(), manager="one")
    assert shown(left.body) == {"a": "2"}


async def test_metadata_has_owners_too(api: API) -> None:
    def marked(*finalizers: str, label: str) -> dict[str, Any]:
        body = profile(labels={"tier": label})
        body["metadata"]["finalizers"] = list(finalizers)
        return body

    await api.apply(SHOP, marked("a.b/one", label="x"), manager="one")
    conflict = await api.apply(SHOP, marked("a.b/two", label="y"), manager="two")
    assert conflict.causes == [(".metadata.labels.tier", 'conflict with "one"')]
    both = await api.apply(SHOP, marked("a.b/two", label="x"), manager="two")
    assert both.body["metadata"]["finalizers"] == ["a.b/one", "a.b/two"]
    left = await api.apply(SHOP, profile(), manager="one")
    assert (left.body["metadata"]["finalizers"], left.body["metadata"]["labels"]) == (["a.b/two"], {"tier": "x"})
    await api.merge(SHOP, {"metadata": {"finalizers": None}})


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        pytest.param({"resourceVersion": "1"}, 409, id="a version that is past"),
        pytest.param({"uid": "other"}, 422, id="another uid"),
        pytest.param({"name": "other"}, 400, id="another name"),
        pytest.param({"namespace": "other"}, 400, id="another namespace"),
        pytest.param({"generation": 77, "creationTimestamp": "2001-01-01T00:00:00Z"}, 200, id="what is the server's"),
    ],
)
async def test_who_is_meant_must_be_who_is_there(api: API, metadata: dict[str, Any], code: int) -> None:
    await api.apply(SHOP, profile(), manager="one")
    body = profile(deletionPolicy="Retain")
    body["metadata"] |= metadata
    reply = await api.apply(SHOP, body, manager="one", force=True)
    assert reply.code == code, reply.text
    assert (await api.get(SHOP)).body["metadata"]["generation"] == (2 if code == 200 else 1)


async def test_a_dry_run_tells_of_conflicts_and_changes_nothing(api: API) -> None:
    made = await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    path = f"{SHOP}?dryRun=All&fieldManager=two"
    assert (await api.call("PATCH", path, profile(deletionPolicy="Delete"), content_type=APPLY)).code == 409
    forced = await api.call("PATCH", f"{path}&force=true", profile(deletionPolicy="Delete"), content_type=APPLY)
    assert (forced.code, forced.body["spec"]["deletionPolicy"]) == (200, "Delete")
    assert (await api.get(SHOP)).version == made.version


async def test_who_patched_a_field_is_asked_too(api: API) -> None:
    await api.apply(SHOP, profile(), manager="one")
    await api.merge(f"{SHOP}?fieldManager=somebody", {"spec": {"deletionPolicy": "Retain"}})
    reply = await api.apply(SHOP, profile(deletionPolicy="Delete"), manager="one")
    assert reply.causes == [(".spec.deletionPolicy", f'conflict with "somebody" using {GROUP}/v1beta1')]
    assert (await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")).code == 200


async def test_conditions_of_a_status_are_shared_by_type(api: API) -> None:
    await api.create(PROFILES, profile())
    for manager, kind in (("one", "Programmed"), ("two", "Ready")):
        reply = await api.apply(STATUS, profile() | {"status": {"conditions": [condition(kind)]}}, manager=manager)
        assert reply.code == 200, reply.text
    assert [one["type"] for one in reply.body["status"]["conditions"]] == ["Programmed", "Ready"]
    taken = profile() | {"status": {"conditions": [condition(status="False")]}}
    reply = await api.apply(STATUS, taken, manager="two")
    assert reply.causes == [
        ('.status.conditions[type="Programmed"].status', 'conflict with "one" with subresource "status"')
    ]


async def test_force_takes_a_condition_from_its_owner(api: API) -> None:
    await api.create(PROFILES, profile())
    await api.apply(STATUS, profile() | {"status": {"dnsName": "x", "conditions": [condition()]}}, manager="one")
    taken = profile() | {"status": {"dnsName": "y", "conditions": [condition(status="False")]}}
    reply = await api.apply(STATUS, taken, manager="two")
    assert [field for field, _ in reply.causes] == [
        ".status.dnsName",
        '.status.conditions[type="Programmed"].status',
    ]
    forced = await api.apply(STATUS, taken, manager="two", force=True)
    assert forced.body["status"] == {"dnsName": "y", "conditions": [condition(status="False")]}
    # The first owner applies nothing any more: what the other one took stays.
    assert (await api.apply(STATUS, profile(), manager="one")).body["status"] == forced.body["status"]
    assert "status" not in (await api.apply(STATUS, profile(), manager="two")).body


async def test_owners_of_the_spec_and_of_the_status_do_not_meet(api: API) -> None:
    await api.apply(SHOP, profile(deletionPolicy="Retain") | {"status": {"dnsName": "x"}}, manager="one")
    reply = await api.apply(STATUS, profile(deletionPolicy="Delete") | {"status": {"dnsName": "y"}}, manager="two")
    assert (reply.code, reply.body["spec"]) == (200, {"deletionPolicy": "Retain"})
    managers = {(one["manager"], one.get("subresource", "")) for one in reply.body["metadata"]["managedFields"]}
    assert managers == {("one", ""), ("two", "status")}


async def test_a_status_is_applied_without_the_spec(api: API) -> None:
    await api.create(PROFILES, profile())
    body = profile(deletionPolicy="Retain") | {"status": {"dnsName": "x"}}
    reply = await api.apply(STATUS, body, manager="one")
    assert (reply.body["spec"], reply.body["status"]) == ({"deletionPolicy": "Delete"}, {"dnsName": "x"})
    assert (await api.apply(SHOP, profile() | {"status": {"dnsName": "y"}}, manager="one")).body["status"] == {
        "dnsName": "x"
    }


async def test_a_status_of_nothing_is_a_404(api: API) -> None:
    assert (await api.apply(STATUS, profile() | {"status": {}}, manager="one")).code == 404


async def test_a_manager_is_required(api: API) -> None:
    reply = await api.call("PATCH", SHOP, profile(), content_type=APPLY)
    assert (reply.code, reply.causes) == (
        422,
        [("fieldManager", "Required value: is required for apply patch")],
    )


async def test_force_is_for_apply_only(api: API) -> None:
    await api.create(PROFILES, profile())
    reply = await api.merge(f"{SHOP}?force=true", {})
    assert reply.causes == [("force", "Forbidden: may not be specified for non-apply patch")]


async def test_an_undeclared_field_cannot_be_applied(api: API) -> None:
    reply = await api.apply(SHOP, profile(colour="red"), manager="one")
    assert (reply.code, reply.body["message"]) == (
        500,
        f"failed to create typed patch object (/shop; {GROUP}/v1beta1, Kind=TrafficManagerProfile): "
        ".spec.colour: field not declared in schema",
    )


async def test_managed_fields_cannot_be_applied(api: API) -> None:
    body = profile()
    body["metadata"]["managedFields"] = []
    reply = await api.apply(SHOP, body, manager="one")
    assert (reply.code, reply.body["message"]) == (400, "metadata.managedFields must be nil")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        pytest.param(
            {"monitorConfig": {"port": "80"}},
            ".spec.monitorConfig.port: expected numeric (int or float), got string",
            id="a text for a number",
        ),
        pytest.param(
            {"resourceGroup": 5},
            ".spec.resourceGroup: expected string, got &value.valueUnstructured{Value:5}",
            id="a number for a text",
        ),
        pytest.param({"monitorConfig": "x"}, ".spec.monitorConfig: expected map, got &{x}", id="a text for an object"),
        pytest.param(
            {"monitorConfig": {"customHeaders": [None]}},
            ".spec.monitorConfig.customHeaders: element 0: associative list with keys may not have a null element",
            id="null for an item",
        ),
    ],
)
async def test_a_value_of_another_type_cannot_be_applied(api: API, spec: dict[str, Any], why: str) -> None:
    reply = await api.apply(SHOP, profile(**spec), manager="one")
    assert (reply.code, reply.body["message"]) == (
        500,
        f"failed to create typed patch object (/shop; {GROUP}/v1beta1, Kind=TrafficManagerProfile): {why}",
    )


async def test_a_null_that_is_applied_is_refused(api: API) -> None:
    reply = await api.apply(SHOP, profile(resourceGroup=None), manager="one")
    assert (reply.code, reply.causes[0]) == (
        422,
        ("spec.resourceGroup", 'Invalid value: "null": spec.resourceGroup in body must be of type string: "null"'),
    )


async def test_who_only_claims_what_is_there_is_recorded_without_a_time(api: API) -> None:
    await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="two")
    entries = (await api.get(SHOP)).body["metadata"]["managedFields"]
    assert [(entry["manager"], "time" in entry) for entry in entries] == [("two", False), ("one", True)]


async def test_one_empty_entry_wipes_the_managers_an_empty_list_does_not(api: API) -> None:
    await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    kept = await api.merge(SHOP, {"metadata": {"managedFields": []}})
    assert len(kept.body["metadata"]["managedFields"]) == 1
    wiped = await api.merge(SHOP, {"metadata": {"managedFields": [{}]}})
    assert "managedFields" not in wiped.body["metadata"]


async def test_every_writer_is_recorded_with_its_fields(api: API) -> None:
    await api.apply(SHOP, profile(deletionPolicy="Retain"), manager="one")
    await api.merge(f"{STATUS}?fieldManager=fleetdns", {"status": {"dnsName": "x"}})
    entries = (await api.get(SHOP)).body["metadata"]["managedFields"]
    told = [(entry["manager"], entry["operation"], entry.get("subresource"), entry["fieldsV1"]) for entry in entries]
    assert told == [
        ("one", "Apply", None, {"f:spec": {"f:deletionPolicy": {}}}),
        ("fleetdns", "Update", "status", {"f:status": {".": {}, "f:dnsName": {}}}),
    ]
