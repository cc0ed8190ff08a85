"""docs/benchmarks.md, from what the benchmarks left: the goals first, then a section for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.bench.report import Machine, Table

MORE = (
    ("calls.md", "which calls to Azure each kind of change is"),
    ("start.md", "the caches alone, filled from a real kube-apiserver with 40,000 exports, by stream and by list"),
    ("agent.md", "what the member agent costs, and the time from a ServiceExport to a DNS answer"),
    ("takeover.md", "how long a fleet is without a leader when one is killed (`make bench-takeover`)"),
)


def page(found: Sequence[Mapping[str, Any]], failed: Sequence[str]) -> str:
    """The whole page. `found`: the benchmarks' JSON, in order; `failed`: the names of those that broke."""
    return "\n".join(_lines(found, failed)) + "\n"


def _lines(found: Sequence[Mapping[str, Any]], failed: Sequence[str]) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield (
        "Made by `make bench`, which runs the benchmarks below one after the other and writes this page; the single "
        "numbers are in"
    )
    yield "`build/bench/NAME.json` then. Each also runs alone, by the command in its section."
    if found:
        yield ""
        yield f"Measured on {Machine(**found[0]['machine'])}."
    for name in failed:
        yield ""
        yield f"**{name} broke and was not measured.**"
    yield ""
    yield "## Goals"
    yield ""
    yield from _goals(found).lines()
    for each in found:
        yield ""
        yield f"## {each['title']}"
        yield ""
        yield each["text"]
        yield ""
        yield f"Measured at {Machine(**each['machine']).occasion}."
    yield ""
    yield "## More"
    yield ""
    for file, about in MORE:
        yield f"- [{file}]({file}): {about}"


def _goals(found: Sequence[Mapping[str, Any]]) -> Table:
    rows = (
        (goal["what"], goal["limit"], goal["found"], "met" if goal["is_met"] else "**missed**", each["name"])
        for each in found
        for goal in each["goals"]
    )
    return Table(("what", "goal", "measured", "", "by"), tuple(rows))
