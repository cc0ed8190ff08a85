"""What each kind of outage of Azure costs in calls, and how soon all is true after it; counted, in virtual time.

python -m tests.bench.outages [--profiles N] [--json FILE]
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import structlog

from tests.bench.report import Goal, Report, Table, arguments_of, machine, parser, publish
from tests.controllers.outages import OUTAGES, SWEEP, Outage, Story, play

_MOST = 12  # calls a minute while Azure is down and nothing changes on the hub

Played = tuple[Outage, Story, Story]


def played(profiles: int, outages: Sequence[Outage] = OUTAGES) -> list[Played]:
    """Every kind of outage, for one profile and for so many."""
    return [(outage, play(outage, 1), play(outage, profiles)) for outage in outages]


def report(found: Sequence[Played], profiles: int) -> Report:
    stories = [story for _, one, many in found for story in (one, many)]
    rows = tuple(
        (
            outage.name,
            _pair(one, many, "first_minute"),
            _pair(one, many, "at_once"),
            _pair(one, many, "a_minute"),
            f"{_seconds(one)} / {_seconds(many)}",
        )
        for outage, one, many in found
    )
    slowest = max(story.recovery if story.recovery is not None else float("inf") for story in stories)
    busiest = max(story.a_minute for story in stories)
    return Report(
        title="While Azure is down",
        about=(
            "The whole controller in virtual time on the emulated Traffic Manager, which fails for ten minutes (in the "
            "last row for thirty) while profiles change, before and during it. Calls of all kinds in one minute: in "
            "the first of the outage, in the one in which every profile changes, and at most in any later one; then "
            "the seconds from its end until Azure and every status are as asked. Each for 1 and for "
            f"{profiles} profiles of one resource group. In every one of them nothing is forgotten, doubled or lost, "
            "and status keeps what was last known."
        ),
        tables=(
            Table(("Azure answers", "first minute", "all change", "later, at most", "seconds until all is true"), rows),
        ),
        numbers={
            outage.name: {str(count): _numbers(story) for count, story in ((1, one), (profiles, many))}
            for outage, one, many in found
        },
        goals=(
            Goal("calls a minute while Azure is down", f"<= {_MOST}", str(busiest), busiest <= _MOST),
            Goal("all is true after an outage", f"< {SWEEP:.0f} s, a sweep", f"{slowest:.0f} s", slowest < SWEEP),
        ),
    )


def _pair(one: Story, many: Story, what: str) -> str:
    return f"{getattr(one, what)} / {getattr(many, what)}"


def _numbers(story: Story) -> dict[str, float | None]:
    return {
        "first_minute": story.first_minute,
        "all_change": story.at_once,
        "later_minute": story.a_minute,
        "recovery": story.recovery,
    }


def _seconds(story: Story) -> str:
    return "never" if story.recovery is None else f"{story.recovery:.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    words = arguments_of(arguments)
    flags = parser("outages", __doc__)
    flags.add_argument("--profiles", type=int, default=50)
    given = flags.parse_args(words)
    where = machine()
    return publish(report(played(given.profiles), given.profiles), "outages", where=where, given=given, words=words)


if __name__ == "__main__":
    sys.exit(main())
