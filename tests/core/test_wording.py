"""What others wrote, made fit for a message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetdns.core.wording import LONGEST, NAMED, first_few, printable


@pytest.mark.parametrize(
    ("names", "text"),
    [
        pytest.param([], "", id="none"),
        pytest.param(["a", "b"], "a, b", id="all of a few"),
        pytest.param([str(n) for n in range(NAMED + 2)], "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more", id="ten of more"),
    ],
)
def test_a_list_is_cut(names: list[str], text: str) -> None:
    assert first_few(names) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("throttled by Azure", "throttled by Azure", id="a sentence"),
        pytest.param("a\n\tb\x00c\x1b[31m", "a b c [31m", id="controls become spaces"),
        pytest.param("left\u202eright", "left right", id="marks that turn the writing round"),
        pytest.param("größer, 大きい", "größer, 大きい", id="letters of any language"),
        pytest.param(" \n ", "", id="nothing"),
    ],
)
def test_a_line(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(max_size=3 * LONGEST))
def test_whatever_somebody_wrote_is_short_and_printable(text: str) -> None:
    shown = printable(text)
    assert len(shown) <= LONGEST
    assert shown.isprintable()
    assert printable(shown) == shown


def test_what_is_cut_says_so() -> None:
    assert printable("x" * (LONGEST + 1)) == "x" * (LONGEST - 1) + "…"
    assert printable("x" * LONGEST) == "x" * LONGEST
    assert printable(" " * 100_000 + "x") == "…"
