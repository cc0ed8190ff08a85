"""Bodies: what is read, what is refused, and the protobuf that kubectl sends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleetdns.emulator.hub.documents import PROTOBUF, normalized, read_document
from fleetdns.emulator.hub.status import StatusError
from tests.emulator_hub.shops import refused

JSON, YAML = "application/json", "application/yaml"


def test_keys_given_twice_are_told_by_their_path() -> None:
    text = b'{"a": 1, "b": {"c": 1, "c": 2, "d": [{"e": 1, "e": 1, "e": 2}]}, "a": 3}'
    document = read_document(text, JSON)
    assert document.value == {"a": 3, "b": {"c": 2, "d": [{"e": 2}]}}
    assert document.duplicates == ("a", "b.c", "b.d[0].e")


@pytest.mark.parametrize(
    ("given_value", "value"),
    [
        (80.0, 80),
        (0.5, 0.5),
        (-0.0, 0),
        (2**63, float(2**63)),
        (1e300, 1e300),
        (True, True),
        (("a",), ["a"]),
        ({1: "x"}, {"1": "x"}),
        ("\ud800x", "�x"),
        ("é", "é"),
    ],
)
def test_values_become_what_go_would_make_of_them(given_value: Any, value: Any) -> None:
    made = normalized(given_value)
    assert (made, type(made)) == (value, type(value))


@pytest.mark.parametrize("text", [b'{"a": [1, "x"]}', b"{a: [1, x]}", b"a:\n- 1\n- x\n"])
def test_yaml_is_read_in_all_its_styles(text: bytes) -> None:
    assert read_document(text, YAML).value == {"a": [1, "x"]}


def test_what_is_no_json_is_refused() -> None:
    assert refused(lambda: normalized({"a": object()})).code == 400
    assert refused(lambda: normalized(10**400)).code == 400


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(value=_JSON)
def test_normalizing_is_idempotent_and_never_shares(value: Any) -> None:
    try:
        once = normalized(value)
    except StatusError:
        return
    assert normalized(once) == once
    if isinstance(value, dict | list):
        assert once is not value


@given(body=st.binary(max_size=200), media_type=st.sampled_from([JSON, YAML, PROTOBUF, "application/x"]))
def test_any_bytes_are_read_or_refused(body: bytes, media_type: str) -> None:
    _survives(body, media_type)


@given(body=st.binary(max_size=100))
def test_any_envelope_is_read_or_refused(body: bytes) -> None:
    _survives(b"k8s\x00" + body, PROTOBUF)
    _survives(_envelope("v1", "ConfigMap", body), PROTOBUF)


def _survives(body: bytes, media_type: str) -> None:
    try:
        read_document(body, media_type)
        code = 200
    except StatusError as error:
        code = error.code
    assert code in (200, 400, 415)


def _field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes([number << 3]) + _varint(value)
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + _field(1, _field(1, api_version.encode()) + _field(2, kind.encode())) + _field(2, raw)


def _entry(key: bytes, value: bytes) -> bytes:
    return _field(1, key) + _field(2, value)


def test_a_config_map_in_protobuf() -> None:
    metadata = b"".join(
        (
            _field(1, b"settings"),
            _field(5, b""),
            _field(7, 0),
            _field(8, _field(1, 1767323045)),
            _field(11, _entry(b"tier", b"one")),
            _field(14, b"a/b"),
            _field(14, b"c/d"),
            _field(15, b"a field nobody reads"),
        )
    )
    raw = _field(1, metadata) + _field(2, _entry(b"a", b"b" * 200)) + _field(3, _entry(b"bin", b"\xff")) + _field(4, 1)
    assert read_document(_envelope("v1", "ConfigMap", raw), PROTOBUF).value == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "settings",
            "generation": 0,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"tier": "one"},
            "finalizers": ["a/b", "c/d"],
        },
        "data": {"a": "b" * 200},
        "binaryData": {"bin": "/w=="},
        "immutable": True,
    }


def test_a_kind_without_a_reader_is_a_400() -> None:
    error = refused(lambda: read_document(_envelope("v1", "Pod", b""), PROTOBUF))
    assert (error.code, error.message) == (400, "no protobuf reader for v1, Kind=Pod")
