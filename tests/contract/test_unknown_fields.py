"""Fields that a schema does not know: warned of, pruned in silence, or refused, as the client wishes."""

from __future__ import annotations

import json

from tests.contract.client import API
from tests.contract.samples import PROFILES, SHOP, profile


async def test_unknown_and_duplicate_fields_are_warned_of(api: API) -> None:
    text = json.dumps(profile(colour="red", monitorConfig={"a": 1}))[:-1] + ', "kind": "TrafficManagerProfile"}'
    reply = await api.create(PROFILES, text)
    assert reply.code == 201
    assert reply.headers.getall("Warning") == [
        '299 - "duplicate field \\"kind\\""',
        '299 - "unknown field \\"spec.colour\\""',
        '299 - "unknown field \\"spec.monitorConfig.a\\""',
    ]


async def test_ignored_ones_are_pruned_in_silence(api: API) -> None:
    reply = await api.create(f"{PROFILES}?fieldValidation=Ignore", profile(colour="red"))
    assert (reply.code, "Warning" in reply.headers, "colour" in reply.body["spec"]) == (201, False, False)


async def test_strictly_they_are_refused(api: API) -> None:
    reply = await api.create(f"{PROFILES}?fieldValidation=Strict", profile(colour="red", anchor=1))
    assert (reply.code, reply.body["message"]) == (
        400,
        'TrafficManagerProfile in version "v1beta1" cannot be handled as a TrafficManagerProfile: strict decoding '
        'error: unknown field "spec.anchor", unknown field "spec.colour"',
    )


async def test_a_strict_patch_is_refused_in_other_words(api: API) -> None:
    await api.create(PROFILES, profile())
    reply = await api.merge(f"{SHOP}?fieldValidation=Strict", {"spec": {"colour": "red"}})
    assert (reply.code, reply.causes[0][0]) == (422, "patch")
    assert reply.causes[0][1].endswith('strict decoding error: unknown field "spec.colour"')


async def test_another_word_is_refused(api: API) -> None:
    reply = await api.create(f"{PROFILES}?fieldValidation=Loose", profile())
    assert reply.causes == [
        ("fieldValidation", 'Unsupported value: "Loose": supported values: "", "Ignore", "Strict", "Warn"')
    ]
