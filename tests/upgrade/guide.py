"""docs/migration.md as something that can be followed: its commands, what it says comes of them, and its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "migration.md"
_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (?P<path>[\w./-]+)\n")


@dataclass(frozen=True, slots=True)
class Command:
    """One line to type. `shown`: lines that come of it, in their order, among others."""

    typed: str
    shown: tuple[str, ...]

    def differs(self, output: str) -> str:
        """The first line shown that is not in the output after the lines before it; "" where all are."""
        lines = iter(output.splitlines())
        for wanted in self.shown:
            if not any(_pattern(wanted).fullmatch(line.strip()) for line in lines):
                return wanted
        return ""


def commands() -> list[Command]:
    """Every command of the guide, in its order."""
    return [command for kind, text in _blocks() if kind == "console" for command in _commands(text)]


def files() -> dict[str, str]:
    """The files that the guide has one write: path to text."""
    found = ((_FILE.match(text), text) for kind, text in _blocks() if kind == "yaml")
    return {match["path"]: text for match, text in found if match}


def _blocks() -> list[tuple[str, str]]:
    return [(block["kind"], block["text"]) for block in _BLOCK.finditer(GUIDE.read_text())]


def _commands(text: str) -> list[Command]:
    typed, *rest = text.removeprefix("$ ").split("\n$ ")
    found = [part.rstrip("\n").split("\n") for part in (typed, *rest)]
    return [Command(lines[0], tuple(lines[1:])) for lines in found]


def _pattern(shown: str) -> re.Pattern[str]:
    """`...` stands for anything, blanks for more blanks."""
    words = (re.escape(word).replace(r"\.\.\.", ".*") for word in shown.split())
    return re.compile(r"\s+".join(words))
