"""CEL expressions over plain JSON: values come back, errors are values too."""

from typing import Any

import pytest

from fleetdns.emulator.hub.cel import CelError, CelInvalid, Pattern, Program


@pytest.mark.parametrize(
    ("expression", "value", "answer"),
    [
        pytest.param("self.a == 1", {"a": 1}, True, id="an integer"),
        pytest.param("self.a == 1.0", {"a": 1}, True, id="numbers compare across types"),
        pytest.param("has(self.a)", {}, False, id="a missing key"),
        pytest.param("self.?a.orValue('x')", {}, "x", id="an optional key"),
        pytest.param("self.a == null", {"a": None}, True, id="null"),
        pytest.param("self.all(x, x > 1)", [2, 3], True, id="every item"),
        pytest.param("self.exists_one(x, x == 2)", [2, 2], False, id="one item only"),
        pytest.param("self.filter(x, x > 2).size()", [1, 3, 4], 2, id="some items"),
        pytest.param("self.lowerAscii().split('-')[0]", "A-B", "a", id="text functions"),
        pytest.param("self.matches('^[a-z]+$')", "abc", True, id="patterns"),
        pytest.param("duration(self) < duration('1h')", "3m", True, id="durations"),
        pytest.param("size(self)", "éé", 2, id="text is counted in characters"),
        pytest.param("self.isSorted()", [1, 2, 2], True, id="sorted"),
        pytest.param("self.isSorted()", ["b", "a"], False, id="not sorted"),
        pytest.param("self.sum()", [1, 2, 3], 6, id="sums"),
        pytest.param("self.min() + self.max()", [4, 1, 3], 5, id="least and most"),
        pytest.param("self == {'a': [1, {'b': 2}]}", {"a": [1, {"b": 2}]}, True, id="deep equality"),
    ],
)
def test_an_expression_gives(expression: str, value: Any, answer: Any) -> None:
    assert Program(expression).evaluate(value) == answer


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        pytest.param("self.a", {}, id="a missing key"),
        pytest.param("self[3]", [1], id="an item too far"),
        pytest.param("self / 0", 1, id="a division by zero"),
        pytest.param("self + 'a'", 1, id="types that do not go together"),
        pytest.param("self.max()", [], id="the most of nothing"),
        pytest.param("self.sum()", [1, "a"], id="a sum of apples and pears"),
    ],
)
def test_an_evaluation_that_comes_to_nothing_is_a_value(expression: str, value: Any) -> None:
    assert isinstance(Program(expression).evaluate(value), CelError)


@pytest.mark.parametrize("expression", ["", "self ==", "nothing == 1", "quantity(self)", "self.sets()"])
def test_what_does_not_compile_is_refused(expression: str) -> None:
    with pytest.raises(CelInvalid):
        Program(expression)


def test_a_program_knows_whether_it_looks_back() -> None:
    assert Program("self == oldSelf").uses_old
    assert not Program("self.oldSelf == 'oldSelf'").uses_old
    assert Program("self == oldSelf").evaluate(1, 2) is False


def test_an_optional_old_value_may_be_there_or_not() -> None:
    program = Program("oldSelf.hasValue() ? oldSelf.value() == self : self == 0 // and that is all", optional_old=True)

    assert program.evaluate(0, None) is True
    assert program.evaluate(1, None) is False
    assert program.evaluate(1, 1) is True


@pytest.mark.parametrize(
    ("expression", "gives"), [("self == 1", "bool"), ("'a' + self", "string"), ("self", "dyn"), ("1", "int")]
)
def test_a_program_knows_what_it_gives(expression: str, gives: str) -> None:
    assert Program(expression).gives == gives


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        ("b", "abc", True),
        (r"^\"'\\$", "\"'\\", True),
        (r"^\p{Greek}+$", "αβ", True),
    ],
)
def test_a_pattern_is_re2(pattern: str, text: str, matches: bool) -> None:
    assert Pattern(pattern).matches(text) is matches


@pytest.mark.parametrize("pattern", ["(", "(?=x)", r"\1"])
def test_a_pattern_that_re2_does_not_know_is_refused(pattern: str) -> None:
    with pytest.raises(CelInvalid):
        Pattern(pattern)
