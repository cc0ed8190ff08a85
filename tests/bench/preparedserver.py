"""An API server that knows one answer: exports that were made before anybody asked, over TLS.

python -m tests.bench.preparedserver OBJECTS

Prints a kubeconfig as one JSON string when it listens, and ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable

from aiohttp import web

from fleetdns.emulator.hub.kubeconfig import kubeconfig
from fleetdns.emulator.hub.tls import make_identity
from tests.bench.exports import Prepared

_CHUNK = 1 << 16


async def serve(objects: int) -> None:
    prepared = Prepared(objects)
    identity = make_identity("127.0.0.1")

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        query = request.query
        if "watch" in query:
            begins = prepared.initial_events() if query.get("sendInitialEvents") == "true" else iter(())
            return await _streamed(request, begins, prepared.changes())
        limit = int(query["limit"]) if "limit" in query else None
        return web.Response(body=prepared.page(limit, query.get("continue", "")), content_type="application/json")

    runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=identity.server_context()).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    print(json.dumps(kubeconfig(url=url, ca=identity.ca, token="any")), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


async def _streamed(request: web.BaseRequest, *parts: Iterable[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    waiting = bytearray()
    for part in parts:
        for line in part:
            waiting += line
            if len(waiting) >= _CHUNK:
                await response.write(bytes(waiting))
                waiting.clear()
    await response.write(bytes(waiting))
    await asyncio.Event().wait()  # as a watch stays open
    return response


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
