"""The hub behind HTTPS: its own certificate authority, bearer tokens, and a kubeconfig for kubectl.

server = HubServer(); await server.start(); server.write_kubeconfig(path); ...; await server.stop()
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from fleetdns.emulator.hub import queries
from fleetdns.emulator.hub.access import Access, user_of
from fleetdns.emulator.hub.answers import refusal
from fleetdns.emulator.hub.bootstrap import bootstrap
from fleetdns.emulator.hub.faults import Drop, EndWatch, Fault, Faults, Hang, Refuse, Slow
from fleetdns.emulator.hub.kubeconfig import kubeconfig, write_kubeconfig
from fleetdns.emulator.hub.pages import Pages
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.routes import PagePath, parse_path
from fleetdns.emulator.hub.status import StatusError, method_not_allowed
from fleetdns.emulator.hub.streams import Streams
from fleetdns.emulator.hub.tls import make_identity
from fleetdns.emulator.hub.tokens import ADMINISTRATOR, TokenIssuer
from fleetdns.emulator.hub.verbs import Verbs

# How long a stopping server waits for requests that do not end by themselves, in seconds.
_GRACE = 0.5


class HubServer:
    """tokens maps each bearer token to its user, all of them administrators; without it, one token is made.

    hub is the API behind it, at work without the server too; faults orders misbehaviour; issuer gives tokens that end.
    With enforces_rights, those who are no administrators may do what roles and bindings say; else, everything.
    """

    def __init__(
        self, hub: Hub | None = None, *, tokens: Mapping[str, str] | None = None, enforces_rights: bool = False
    ) -> None:
        chance = random.SystemRandom()
        self.hub = hub or Hub(clock=time.time, random=chance)
        self.tokens = dict(tokens) if tokens else {secrets.token_urlsafe(32): ADMINISTRATOR}
        self.issuer = TokenIssuer(self.hub.store, clock=self.hub.clock, administrators=self.tokens)
        self.url = ""
        self.ca_pem = b""
        self._streams = Streams(self.hub.clock)
        self.faults = Faults(self._streams, compact=self.hub.compact)
        self._pages = Pages(self.hub)
        authorization = self.hub.authorization if enforces_rights else None
        for manifest in bootstrap() if enforces_rights else ():
            self.hub.install(manifest)
        self._access = Access(self.hub, authorization)
        self._verbs = Verbs(self.hub, self._streams, self.issuer, chance=chance, authorization=authorization)
        self._runner: web.ServerRunner | None = None

    @property
    def token(self) -> str:
        """The first administrator's token."""
        return next(iter(self.tokens))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 takes a free one. Raises OSError where the port is taken."""
        identity = make_identity(host)
        self.ca_pem = identity.ca
        # Without it a watcher that left would be noticed only at the next event.
        server = web.Server(self._answer, handler_cancellation=True)
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=_GRACE)
        await runner.setup()
        site = web.TCPSite(runner, host, port, ssl_context=identity.server_context())
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        bound = runner.addresses[0][1]
        named = f"[{host}]" if ":" in host else host
        self.url = f"https://{named}:{bound}"

    async def stop(self) -> None:
        """End all watches and close every connection. Stopping twice is harmless."""
        self._streams.end()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def kubeconfig(self) -> str:
        """The text of a kubeconfig for the first administrator."""
        return kubeconfig(url=self.url, ca=self.ca_pem, token=self.token)

    def write_kubeconfig(self, path: Path | str) -> None:
        write_kubeconfig(Path(path), self.kubeconfig())

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            response = await self._serve(request)
        except StatusError as error:
            response = refusal(request, error)
            if error.code == 413:
                # What is still to come of the body is not read.
                response.force_close()
        return response

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = parse_path(request.rel_url.raw_path)
        user = user_of(request.headers.get("Authorization", ""), self.issuer)
        self._access.check(user, path, request)
        if isinstance(path, PagePath):
            await self._suffer(request, self.faults.next_for("get", ""))
            if request.method not in ("GET", "HEAD"):
                raise method_not_allowed()
            return self._pages.serve(request, path.parts)
        verb = path.verb(request.method, watching=queries.is_watch(request.query))
        fault = self.faults.next_for(verb, path.plural)
        await self._suffer(request, fault)
        ending = fault.error if isinstance(fault, EndWatch) else None
        return await self._verbs.serve(request, path, user, ending=ending)

    async def _suffer(self, request: web.BaseRequest, fault: Fault | None) -> None:
        """Carry out a fault that was ordered for this request."""
        match fault:
            case Refuse(error):
                raise error
            case Slow(seconds):
                await asyncio.sleep(seconds)
            case Hang():
                await asyncio.Event().wait()
            case Drop():
                if isinstance(request.transport, asyncio.Transport):
                    request.transport.abort()
                # The loss of the connection cancels this request.
                await asyncio.Event().wait()
