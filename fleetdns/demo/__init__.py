"""The narrated scenario: embedded servers, the real controller, and a day in the life of the sample."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
import time

from fleetdns.demo.chapter import Chapter, members
from fleetdns.demo.members import NAMESPACE, SERVICE
from fleetdns.demo.narrator import Narrator, StepFailed
from fleetdns.demo.sight import DNS_NAME
from fleetdns.demo.story import Story
from fleetdns.demo.world import World, controller, embedded, install


def run(*, once: bool) -> int:
    """Tell the story. 0: every step came true; 1: one did not. Without `once`, everything stays up until Ctrl-C.

    Ctrl-C or SIGTERM in the middle of it end it with 0, too: stopped as asked.
    """
    narrator = Narrator()
    try:
        asyncio.run(_run(narrator, once=once))
    except StepFailed as failed:
        narrator.say(f"\nFAILED: {failed}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    return 0


async def _run(narrator: Narrator, *, once: bool) -> None:
    started = time.monotonic()
    told = asyncio.current_task()
    if told is not None:  # as Ctrl-C does: nothing is left behind
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.cancel)
    async with embedded() as world:
        narrator.say("fleetdns demo: API server, Traffic Manager and name server on loopback, and the real controller")
        await install(world)
        async with controller(world):
            await Story(world, narrator).whole()
            narrator.say("\nSo far the exports were written by hand. Now by the real agent of each of three clusters:")
            await world.members.clear()
            async with members(world, world.log_file.parent) as found:
                chapter = Chapter(world, narrator, found)
                await chapter.whole()
                _sum_up(narrator, seconds=time.monotonic() - started)
                if not once:
                    await _stay(world, chapter, narrator)


def _sum_up(narrator: Narrator, *, seconds: float) -> None:
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    narrator.say(
        f"\n{narrator.steps} steps, {narrator.checks} claims checked, all true: {seconds:.1f} s, "
        f"{memory:.0f} MiB at most (servers, controller, agents and story in one process)"
    )


async def _stay(world: World, chapter: Chapter, narrator: Narrator) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    narrator.say("\nOnce more, for you to look around in:")
    await chapter.once_more()
    narrator.say(
        "\nEverything is up until Ctrl-C. In another terminal:\n"
        f"  export KUBECONFIG={world.kubeconfig}\n"
        f"  {sys.executable} -m fleetdns status\n"
        f"  {sys.executable} -m fleetdns explain {NAMESPACE}/{SERVICE}\n"
        f"  kubectl get tmp -n {NAMESPACE}\n"
        f"  kubectl get tmb,internalsvcexport -A\n"
        f"  kubectl get svc,svcexport -n {NAMESPACE} --kubeconfig {chapter.kubeconfig}\n"
        f"  dig @127.0.0.1 -p {world.dns_port} {DNS_NAME}\n"
        f"  curl {world.azure_url}/_emulator/profiles\n"
        f"  tail -f {world.log_file}"
    )
    await stop.wait()
