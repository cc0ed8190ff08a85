"""A list cut into its elements gives what decoding the whole body gives, wherever the network cut it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetdns.runtime.elements import Element, Elements, Fingerprint, Malformed, fingerprint

_WORDS = st.text(alphabet='{}[]",:\\/value é\n', max_size=8)
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _WORDS
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(_WORDS, _VALUES, max_size=4)
_FORMATS: tuple[dict[str, Any], ...] = (
    {"separators": (",", ":")},
    {"indent": 2},
    {"separators": (" , ", " :\r\n"), "ensure_ascii": False},
)


@st.composite
def _bodies(draw: st.DrawFn) -> tuple[bytes, list[Any], dict[str, Any]]:
    """A list as JSON in some format, its elements, and what stands beside them."""
    elements = draw(st.lists(_VALUES, max_size=5))
    beside = draw(st.dictionaries(st.sampled_from(["nextLink", "values", "a", '"value"']), _VALUES, max_size=3))
    names = draw(st.permutations(["value", *beside]))
    whole = {name: elements if name == "value" else beside[name] for name in names}
    return json.dumps(whole, **draw(st.sampled_from(_FORMATS))).encode(), elements, beside


def _pieces(body: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    return [body[start:end] for start, end in itertools.pairwise(places)]


def _cut(pieces: list[bytes], expected: list[Fingerprint | None] | None = None) -> tuple[list[Element], bytes]:
    """The elements and the envelope; `expected`: a guess for each element in turn."""
    elements, found = Elements("value"), []
    guesses = iter(expected or [])
    guess = next(guesses, None)

    def take() -> None:
        nonlocal guess
        while (element := elements.take(guess)) is not None:
            found.append(element)
            guess = next(guesses, None)

    for piece in pieces:
        elements.feed(piece)
        take()
    elements.end()
    take()
    return found, elements.envelope


@given(_bodies(), st.lists(st.integers(min_value=0), max_size=6))
def test_elements_and_envelope_are_those_of_the_whole_body(
    made: tuple[bytes, list[Any], dict[str, Any]], cuts: list[int]
) -> None:
    body, elements, beside = made
    found, envelope = _cut(_pieces(body, cuts))
    assert [json.loads(element.raw) for element in found] == elements
    assert json.loads(envelope) == beside | {"value": []}
    assert all(element.fingerprint == fingerprint(element.raw) for element in found)


@given(_bodies())
def test_a_body_that_comes_byte_by_byte_is_the_same_list(made: tuple[bytes, list[Any], dict[str, Any]]) -> None:
    body, _, _ = made
    assert _cut([bytes([byte]) for byte in body]) == _cut([body])


@given(st.lists(_OBJECTS, max_size=6), st.lists(_OBJECTS, max_size=6), st.lists(st.integers(min_value=0), max_size=6))
def test_what_is_expected_changes_nothing_but_the_work(before: list[Any], now: list[Any], cuts: list[int]) -> None:
    former, _ = _cut([json.dumps({"value": before}).encode()])
    pieces = _pieces(json.dumps({"value": now, "nextLink": "x"}).encode(), cuts)
    assert _cut(pieces, [element.fingerprint for element in former]) == _cut(pieces)


@st.composite
def _alike(draw: st.DrawFn) -> tuple[bytes, list[Any]]:
    """A list whose elements begin alike, and hold objects and texts that look like the place between two elements."""
    texts = st.sampled_from(["", '},{"a":1', '},{\\"a":', '"},{"a":"', "\\"])
    inner = st.recursive(texts, lambda some: st.lists(st.fixed_dictionaries({"a": some}), max_size=3), max_leaves=4)
    elements = draw(st.lists(st.fixed_dictionaries({"a": inner}, optional={"b": inner}), min_size=1, max_size=8))
    commas = draw(st.lists(st.sampled_from([",", " ,", ", ", "\n,\r\n"]), min_size=8, max_size=8))
    texts_of = [json.dumps(element, separators=(",", ":")) for element in elements]
    listed = "".join(comma + text for comma, text in zip(["", *commas], texts_of, strict=False))
    return b'{"value":[' + listed.encode() + b'],"nextLink":"x"}', elements


@given(_alike(), st.lists(st.integers(min_value=0), max_size=6))
def test_elements_that_look_as_if_they_ended_early_come_whole(made: tuple[bytes, list[Any]], cuts: list[int]) -> None:
    body, elements = made
    found, envelope = _cut(_pieces(body, cuts))
    assert [json.loads(element.raw) for element in found] == elements
    assert [element.raw for element in found] == [element.raw.strip() for element in found]
    assert json.loads(envelope) == {"value": [], "nextLink": "x"}
    assert (found, envelope) == _cut([bytes([byte]) for byte in body])


@given(_bodies(), st.integers(min_value=1))
def test_half_a_list_is_malformed(made: tuple[bytes, list[Any], dict[str, Any]], missing: int) -> None:
    body = made[0]
    shorter = body[: -1 - missing % len(body)]
    with pytest.raises((Malformed, json.JSONDecodeError)):
        json.loads(_cut([shorter])[1])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"value":[{} {}]}', id="no comma between two"),
        pytest.param(b'{"value":[,{}]}', id="a comma before the first"),
        pytest.param(b'{"value":[{},]}', id="a comma behind the last"),
        pytest.param(b'{"value":[{},,{}]}', id="two commas"),
        pytest.param(b'{"value":["a":{}]}', id="a name in a list"),
        pytest.param(b'{"value":[{}}', id="another bracket at the end"),
        pytest.param(b'{"value":[1 2]}', id="two numbers"),
        pytest.param(b'{"value":[{"a":1},{"a":2},{"a":3} {"a":4}]}', id="no comma between two of many"),
        pytest.param(b'{"value":[{"a":1},{"a":2},,{"a":3}]}', id="two commas among many"),
    ],
)
def test_what_is_no_list_of_elements_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        _cut([body])


@given(st.lists(st.integers(min_value=1, max_value=60), max_size=4), st.lists(st.integers(min_value=0), max_size=6))
def test_however_deep_an_element_is_it_comes_whole(depths: list[int], cuts: list[int]) -> None:
    expected = [b'{"}":[' * depth + b'"]"' + b"]}" * depth for depth in depths]
    found, envelope = _cut(_pieces(b'{"value":[' + b",".join(expected) + b"]}", cuts))
    assert [element.raw for element in found] == expected
    assert envelope == b'{"value":[]}'


def test_only_the_value_of_the_list_itself_is_cut() -> None:
    body = b'{"a":{"value":[1,2]},"b":["value",[3]],"c":"value","value":[{"value":[4]}]}'
    found, envelope = _cut([body])
    assert [element.raw for element in found] == [b'{"value":[4]}']
    assert json.loads(envelope) == {"a": {"value": [1, 2]}, "b": ["value", [3]], "c": "value", "value": []}
