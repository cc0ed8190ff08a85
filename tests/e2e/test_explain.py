"""`kubectl explain` has a sentence for every field of every kind: the one in the CRD, on both servers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fleetdns.demo.world import World
from tests.contract.samples import GROUP, definitions
from tests.e2e.conftest import on_real_later
from tests.e2e.kubectl import Kubectl

pytestmark = [pytest.mark.e2e, pytest.mark.kubectl]

_AT_ONCE = 2  # programs; each is a second of work for a core that is busy
_FIELD = re.compile(r"^  (\w+)\t<.*>.*$")
_NOTHING = ("", "<empty>", "<no description>")
# What every Kubernetes object has: a real server explains these in its own words.
_COMMON = ("apiVersion", "kind", "metadata")


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that one `kubectl explain` shows, with their sentences."""

    path: str  # trafficmanagerprofile.spec.monitorConfig
    version: str
    sentences: dict[str, str]


def groups(path: str, version: str, schema: dict[str, Any]) -> Iterator[Group]:
    """This group and those below it; an array stands for what is in it."""
    properties = schema.get("items", schema).get("properties")
    if not properties:
        return
    yield Group(path, version, {name: _words(field.get("description", "")) for name, field in properties.items()})
    for name, field in properties.items():
        if name != "metadata":
            yield from groups(f"{path}.{name}", version, field)


def every_group() -> Iterator[Group]:
    for definition in definitions():
        name = definition["spec"]["names"]["singular"]
        for version in definition["spec"]["versions"]:
            yield from groups(name, version["name"], version["schema"]["openAPIV3Schema"])


def shown(output: str) -> dict[str, str]:
    """The fields of one `kubectl explain`, with the sentence below each."""
    found: dict[str, str] = {}
    name = ""
    for line in output.partition("\nFIELDS:\n")[2].splitlines():
        field = _FIELD.match(line)
        if field:
            name = field[1]
            found[name] = ""
        elif not line.startswith("  enum: "):
            found[name] = _words(f"{found[name]} {line}")
    return found


def _words(text: str) -> str:
    """With one blank between two words: kubectl breaks lines where it wants."""
    return " ".join(text.split())


@on_real_later
async def test_every_field_is_explained_in_the_words_of_its_definition(world: World, kubectl: Kubectl) -> None:
    turn = asyncio.Semaphore(_AT_ONCE)
    wrong: dict[str, str] = {}

    async def explain(group: Group) -> None:
        async with turn:
            output = await kubectl("explain", group.path, f"--api-version={GROUP}/{group.version}")
        told = shown(output)
        for name, sentence in group.sentences.items():
            if told.get(name, "") in _NOTHING or (name not in _COMMON and told[name] != sentence):
                wrong[f"{group.version} {group.path}.{name}"] = told.get(name, "not shown")

    every = list(every_group())
    async with asyncio.TaskGroup() as tasks:
        for group in every:
            tasks.create_task(explain(group))
    assert wrong == {}
    assert sum(len(group.sentences) for group in every) > 200


def test_a_field_without_a_sentence_would_be_seen() -> None:
    fields = "  a\t<string>\n  enum: B, C\n    What it\n    is.\n\n  d\t<Object> -required-\n\n"
    assert shown(f"DESCRIPTION:\n    Things.\n\nFIELDS:\n{fields}") == {"a": "What it is.", "d": ""}
