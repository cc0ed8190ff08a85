"""The terminal session of a document: a difference that matters is seen, one that does not is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.terminal import Exchange, Terminal, exchanges

DOCUMENT = """
# Words
```console
$ kubectl apply -f - <<EOF
> {kind: A}
> EOF
a created
! false
$ kubectl get a
NAME   AGE
a      3s
```
```sh
$ not played
```
"""


def test_commands_are_read_in_order_with_what_they_promise() -> None:
    assert list(exchanges(DOCUMENT)) == [
        Exchange("kubectl apply -f - <<EOF\n{kind: A}\nEOF", 0, "a created\n"),
        Exchange("false", 1, ""),
        Exchange("kubectl get a", 0, "NAME   AGE\na      3s\n"),
    ]


@pytest.mark.parametrize(
    ("promised", "seen"),
    [
        pytest.param("a   True   3s\n", "a     True   2m10s  \n", id="an age and the width of a gap"),
        pytest.param(
            "id 1162852a-2cb8-407e-ae9f-a511605714ca\n", "id fa7d2047-44ba-44e4-a01f-27a874700a16\n", id="a uid"
        ),
        pytest.param("at 2026-11-28T04:42:42Z\n", "at 2027-01-02T03:04:05Z\n", id="a time"),
        pytest.param("a\n...\nz\n", "a\nb\nc\nz\n", id="lines left out"),
        pytest.param("a\n...\nz\n", "a\nz\n", id="no line left out"),
        pytest.param("kept in ...\n", "kept in /tmp/x\n", id="text left out"),
        pytest.param("a\n", "a", id="no newline at the end"),
    ],
)
def test_what_may_differ_does_not_matter(promised: str, seen: str) -> None:
    assert Exchange("", 0, promised).comes_true(0, seen)


@pytest.mark.parametrize(
    ("promised", "seen"),
    [
        pytest.param("a   True\n", "a   False\n", id="a word"),
        pytest.param("a True\n", "a True\nb True\n", id="a line more"),
        pytest.param("a\nb\n", "a\n", id="a line less"),
        pytest.param("", "a\n", id="anything where nothing is promised"),
        pytest.param("within 30s of it\n", "within 10s of it\n", id="a time that is no age"),
        pytest.param("a.b\n", "axb\n", id="a dot"),
    ],
)
def test_what_must_be_the_same_matters(promised: str, seen: str) -> None:
    assert not Exchange("", 0, promised).comes_true(0, seen)


def test_the_exit_code_matters() -> None:
    assert not Exchange("", 1, "a\n").comes_true(0, "a\n")


def test_counts_may_differ_as_chance_does_and_no_more() -> None:
    counted = Exchange("yes x | head -1000 | dig +short -f - | sort | uniq -c", 0, "  909 a.\n   91 b.\n")
    assert counted.comes_true(0, "    900 a.\n    100 b.\n")
    assert not counted.comes_true(0, "    500 a.\n    500 b.\n")
    assert not counted.comes_true(0, "   1000 a.\n")
    assert not counted.comes_true(0, "    900 a.\n    100 c.\n")


async def test_a_session_fails_at_the_first_thing_that_is_not_as_shown(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, {"PATH": "/usr/bin:/bin", "WORD": "hello"})
    await terminal.plays(Exchange('echo "$WORD"', 0, "hello\n"))
    await terminal.plays(Exchange("exit 1", 1, ""))
    with pytest.raises(AssertionError, match="goodbye"):
        await terminal.plays(Exchange('echo "$WORD"', 0, "goodbye\n"))
