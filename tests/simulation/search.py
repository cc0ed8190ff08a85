"""Runs many seeds and shows the trace of those that fail: `python -m tests.simulation.search --seeds 2000`."""

from __future__ import annotations

import argparse
import logging
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor

import structlog

from tests.simulation.schedule import Story, play

_SHOWN = 10  # failing seeds whose traces are printed


def main() -> int:
    """0 when every promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first one")
    parser.add_argument("--lasts", type=float, default=900.0, help="virtual seconds of deeds and faults")
    parser.add_argument("--processes", type=int, default=1, help="how many at once")
    parser.add_argument("--quiet", action="store_true", help="no traces, only what was broken")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    started, failed, most = time.monotonic(), 0, 0
    seeds = range(given.first, given.first + given.seeds)
    with ProcessPoolExecutor(given.processes) as pool:
        for story in pool.map(_played, seeds, [given.lasts] * len(seeds)):
            most = max(most, story.most_calls)
            if story.broken:
                failed += 1
                _show(story, with_trace=failed <= _SHOWN and not given.quiet)
    spent = time.monotonic() - started
    print(f"{len(seeds)} seeds, {failed} failed, {spent:.0f} s; at most {most} Azure calls in a minute")
    return 1 if failed else 0


def _played(seed: int, lasts: float) -> Story:
    try:
        return play(seed, lasts=lasts)
    except Exception:
        return Story(seed, (traceback.format_exc(),), (), 0)


def _show(story: Story, *, with_trace: bool) -> None:
    if with_trace:
        print(f"==== seed {story.seed}")
        print("\n".join(story.trace))
    for promise in story.broken:
        print(f"seed {story.seed}: {promise}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
