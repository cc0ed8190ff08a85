"""A terminal session as a document shows it: what is typed, what comes back, and whether it does.

```console
$ a command, which ends with exit code 0; `!` instead of `$` is for one that ends with 1
> a further line of it
what comes back: ages, uids and times may differ, and so may the width of a gap
...              any lines; within a line, any text
```

What `uniq -c` counted may differ as chance does, and no more.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fleetdns.demo.resolver import follows

# What these show may come true a moment later.
_LOOKS = (*(f"kubectl {verb} " for verb in ("get", "describe", "events", "explain")), "dig ", "yes ")
_COUNTS = "| uniq -c"
_PATIENCE = 20.0  # seconds
_PAUSE = 0.1
_FENCE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY_LINES, _ANY_TEXT = "...", "..."
_VARIES = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UID"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"), "TIME"),
    (re.compile(r"(?<!\S)(\d+m\d*s?|\d+s)(?=\s\s|$)", re.MULTILINE), "AGE"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
    (re.compile(r"[ \t]{2,}|\t"), "  "),
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One command with the exit code and the output that a document promises."""

    command: str
    code: int
    output: str

    @property
    def only_looks(self) -> bool:
        return self.command.startswith(_LOOKS)

    def comes_true(self, code: int, output: str) -> bool:
        if self.command.endswith(_COUNTS):
            return code == self.code and follows(_counted(output), dict(_counted(self.output)))
        return code == self.code and re.fullmatch(_pattern(self.output), _plain(output)) is not None


class Terminal:
    """A shell in a folder, with an environment of its own."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = dict(environment)

    async def plays(self, exchange: Exchange) -> None:
        """Type a command. AssertionError if something else comes back."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        while True:
            code, output = await self._run(exchange.command)
            if exchange.comes_true(code, output):
                return
            if not exchange.only_looks or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(_PAUSE)
        raise AssertionError(
            f"$ {exchange.command}\nexit code {code}\n{output}\nbut the document shows exit code {exchange.code} and\n"
            f"{exchange.output}"
        )

    async def _run(self, command: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_shell(
            command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._folder,
            env=self._environment,
        )
        async with asyncio.timeout(_PATIENCE + 40):
            output, _ = await process.communicate()
        return process.returncode or 0, output.decode()


def exchanges(document: str) -> Iterator[Exchange]:
    """Every command of a document, in order."""
    for block in _FENCE.findall(document):
        for part in re.split(r"^(?=[$!] )", block, flags=re.MULTILINE)[1:]:
            prompt, lines = part[0], part[2:].splitlines(keepends=True)
            typed = 1
            while typed < len(lines) and lines[typed].startswith("> "):
                typed += 1
            command = "".join(line.removeprefix("> ") for line in lines[:typed])
            yield Exchange(command.rstrip("\n"), 0 if prompt == "$" else 1, "".join(lines[typed:]))


def _counted(text: str) -> Counter[str]:
    """The lines of `uniq -c`: how often each text was there."""
    lines = (line.split(maxsplit=1) for line in text.splitlines())
    return Counter({counted: int(count) for count, counted in lines})


def _pattern(shown: str) -> str:
    return "".join(_line(line) for line in _plain(shown).splitlines())


def _line(line: str) -> str:
    if line == _ANY_LINES:
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split(_ANY_TEXT)) + r"\n"


def _plain(text: str) -> str:
    """Without what differs from run to run; every line ended."""
    for varying, name in _VARIES:
        text = varying.sub(name, text)
    return text if text.endswith("\n") or not text else f"{text}\n"
