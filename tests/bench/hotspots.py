"""Where the time goes, for a benchmark that misses its goal: the functions that use most of it, as Markdown."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable
from pathlib import Path

from tests.bench.report import ROOT

_SHOWN = 8


def hotspots(act: Callable[[], object]) -> str:
    """Run it under cProfile, which makes it slower and small functions look dearer than they are."""
    profile = cProfile.Profile()
    profile.enable()
    act()
    profile.disable()
    stats = pstats.Stats(profile)
    # pstats knows its own entries; its stubs do not.
    entries: dict[tuple[str, int, str], tuple[int, int, float, float, object]] = getattr(stats, "stats", {})
    total = sum(own for _, _, own, _, _ in entries.values())
    ordered = sorted(entries.items(), key=lambda entry: -entry[1][2])[:_SHOWN]
    lines = [
        f"{100 * own / total:5.1f} %  {calls:>9,} calls  {_place(place)}" for place, (_, calls, own, _, _) in ordered
    ]
    return "\n".join(["Where the time goes, by cProfile (own time):", "", "```", *lines, "```"])


def _place(place: tuple[str, int, str]) -> str:
    file, line, function = place
    if file == "~":
        return function
    path = Path(file)
    shown = path.relative_to(ROOT) if path.is_relative_to(ROOT / "fleetdns") else path.name
    return f"{shown}:{line} {function}"
