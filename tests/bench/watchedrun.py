"""`fleetdns run` with somebody beside it who looks at the event loop: python -m tests.bench.watchedrun FILE FLAGS...

On SIGUSR1 the worst standstill so far is written to FILE, and counting begins anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path

from fleetdns import log, settings
from fleetdns.app.hub import run
from tests.bench.pulse import Pulse


async def watched(file: Path, flags: list[str]) -> None:
    """Until SIGTERM."""
    stop, pulse, loop = asyncio.Event(), Pulse(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: _tell(file, pulse))
    pulsing = asyncio.create_task(pulse.run())
    await run(settings.parse(flags, {}), stop=stop)
    pulsing.cancel()


def _tell(file: Path, pulse: Pulse) -> None:
    """Whole or not at all: somebody waits for the file."""
    new = file.with_suffix(".new")
    new.write_text(json.dumps(asdict(pulse.worst())))
    os.replace(new, file)


if __name__ == "__main__":
    log.configure("info", "json", stream=sys.stderr)
    asyncio.run(watched(Path(sys.argv[1]), sys.argv[2:]))
