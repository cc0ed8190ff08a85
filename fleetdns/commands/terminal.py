"""What is printed for people: tables whose columns line up, and colours where somebody looks at a terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from fleetdns.core.wording import first_few
from fleetdns.errors import Transient

BOLD, DIM, RED, GREEN, YELLOW = "1", "2", "31", "32", "33"

_GAP = "   "
_NAMED = 3  # of many with one cause

C = TypeVar("C", bound=Hashable)


class Paint:
    """Colours text, or leaves it as it is. Columns are measured without colours."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on

    def __call__(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._is_on and text else text

    def table(
        self,
        header: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        indent: str = "",
        colours: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Lines. `colours`: for a whole cell that says just this."""
        rows = [tuple(row) for row in rows]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = [self._line(header, widths, indent, dict.fromkeys(header, BOLD))]
        return lines + [self._line(row, widths, indent, colours or {}) for row in rows]

    def _line(self, cells: Sequence[str], widths: Sequence[int], indent: str, colours: Mapping[str, str]) -> str:
        padded = []
        for cell, width in zip(cells, widths, strict=True):
            shown = self(cell, colours[cell]) if cell in colours else cell
            padded.append(shown + " " * (width - len(cell)))
        return (indent + _GAP.join(padded)).rstrip()


def paint(*, is_plain: bool) -> Paint:
    """Coloured where stdout is a terminal, unless somebody asked for plain text."""
    return Paint(is_on=sys.stdout.isatty() and not is_plain)


def printed(lines: Iterable[str]) -> None:
    """The lines on stdout. Raises Transient."""
    _written("".join(f"{line}\n" for line in lines))


def printed_json(value: object) -> None:
    """One JSON document on stdout, its keys in the order they were given. Raises Transient."""
    _written(json.dumps(value, indent=2) + "\n")


def _written(text: str) -> None:
    """Out at once, so that failures are told of here; a reader who left, as head does, is none. Raises Transient."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())  # what is buffered still goes there when the process ends
        if not isinstance(error, BrokenPipeError):
            because = f"what was seen could not be printed: {error.strerror}"
            raise Transient("NotPrinted", because) from error


def note(sentence: str) -> None:
    """A sentence beside the answer, on stderr, so that what is printed can be worked on."""
    sys.stderr.write(f"fleetdns: {sentence}\n")


def folded(told: Iterable[tuple[str, C]]) -> Iterator[tuple[str, C]]:
    """Each cause once, with those who have it: of many only the first few are named. In the order that they came."""
    by_cause: dict[C, list[str]] = {}
    for subject, cause in told:
        by_cause.setdefault(cause, []).append(subject)
    for cause, subjects in by_cause.items():
        yield first_few(subjects, named=_NAMED), cause


def within(namespace: str | None) -> str:
    """Where was looked, for the end of a sentence: nothing where it was everywhere."""
    return f" in namespace {namespace}" if namespace else ""
