"""Which API server, and by which credentials: from a kubeconfig, or from the pod that this process runs in.

Whatever is wrong with either is a UsageError that says what to do; a token is read again before it grows old, and one
that was renewed by ourselves is used before anybody has written it into a file.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from fleetdns.errors import UsageError
from fleetdns.kube import kubeconfig
from fleetdns.kube.library import (
    SERVICE_CERT_FILENAME,
    SERVICE_TOKEN_FILENAME,
    ConfigException,
    Configuration,
    InClusterConfigLoader,
    load_kube_config_from_dict,
)

_TOKEN = "BearerToken"  # noqa: S105 - the name under which the library keeps it
_SCHEME = "Bearer "
_PLUGIN_PATIENCE = 20.0  # seconds for a credential plugin: everybody waits for it
_TOKEN_AGE = 60.0  # seconds after which a token is read again, as client-go does

# What the library raises for a file that is not as it expects it, besides its own exception.
_MALFORMED = (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError, AssertionError)

_log = structlog.get_logger(__name__)

Reload = Callable[[bool], Awaitable[None]]


class Connection:
    """One API server. `tls` None: plain http. `server_hostname`: the name in its certificate, where it differs.

    `authority`: PEM; None: the system's own authorities. `is_verified`: its certificate has to be good.
    `source`: where the credentials come from.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        reload: Reload,
        authority: str | None = None,
        holds_token: bool,
        source: str,
    ) -> None:
        """`reload` brings the token in `configuration` up to date; True: the server has just refused it.

        `holds_token`: the token stands in the kubeconfig itself, so that nobody but its owner renews it.
        """
        self.source = source
        self.host = (configuration.host or "").rstrip("/")
        self.authority = authority or _authority(configuration)
        self.tls = _tls(configuration, self.authority)
        self.server_hostname: str | None = configuration.tls_server_name or None
        self.proxy: str | None = configuration.proxy or None
        self.is_verified: bool = configuration.verify_ssl
        self._configuration = configuration
        self._reload = reload
        self._holds_token = holds_token
        self._adopted: str | None = None
        self._superseded: frozenset[str | None] = frozenset()  # headers that must not come back from the file
        self._lock = asyncio.Lock()
        self._read_at = asyncio.get_running_loop().time()
        self._is_refused = False

    async def authorization(self) -> str | None:
        """The Authorization header for a request that is sent now; None where the credential is a certificate."""
        async with self._lock:
            if self._is_refused or asyncio.get_running_loop().time() - self._read_at >= _TOKEN_AGE:
                await self._renew()
        return self._header

    async def token(self) -> str | None:
        """The token that would be sent now, where it is ours to renew: one of the kubeconfig itself, or adopted."""
        header = await self.authorization()
        return header.removeprefix(_SCHEME) if header and self._holds_token else None

    def adopt(self, token: str) -> None:
        """Send this one from now on, until the kubeconfig holds one that is newer: not this, and none before it."""
        self._superseded |= {self._configuration.api_key.get(_TOKEN), self._adopted}
        self._adopted = _SCHEME + token
        self._is_refused = False

    @property
    def has_credentials(self) -> bool:
        """Whether anything is sent that says who asks."""
        return bool(self._header or self._configuration.cert_file)

    def as_bearer(self, token: str) -> Connection:
        """The same server, asked by the owner of that token and by nothing else of ours, certificates included."""
        ours = self._configuration
        configuration = Configuration()
        configuration.host, configuration.proxy = ours.host, ours.proxy
        configuration.verify_ssl = ours.verify_ssl
        configuration.tls_server_name = ours.tls_server_name
        configuration.api_key[_TOKEN] = _SCHEME + token
        return Connection(configuration, reload=_never, authority=self.authority, holds_token=True, source="a token")

    def refused(self, authorization: str | None) -> None:
        """The server did not take this header: the next request reads the token again, if it is still the same."""
        if authorization == self._header:
            self._is_refused = True

    @property
    def _header(self) -> str | None:
        found: str | None = self._configuration.api_key.get(_TOKEN)
        return self._adopted or (found.strip() if found else found)

    async def _renew(self) -> None:
        is_refused, self._is_refused = self._is_refused, False
        self._read_at = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(_PLUGIN_PATIENCE):
                await self._reload(is_refused)
        except (*_MALFORMED, UsageError) as error:
            # The old token may still be good; if not, the server says so, and that is what is reported.
            _log.warning("kubernetes credentials not renewed", error=type(error).__name__)
        if self._adopted and self._configuration.api_key.get(_TOKEN) not in self._superseded:
            self._adopted, self._superseded = None, frozenset()


async def _never(is_refused: bool) -> None:
    """For a token that stands nowhere."""


async def load(path: str | None, context: str | None = None) -> Connection:
    """The connection that a kubeconfig describes, in its current context or `context`; None: that of our own pod.

    Several files are joined as KUBECONFIG joins them; of what two of them say, the first is heard. Raises UsageError.
    """
    logging.getLogger("kubernetes_asyncio.client.rest").setLevel(logging.INFO)  # its DEBUG shows whole Secrets
    if path:
        return await _from_file(path, context)
    if context:
        raise UsageError(f"the context {context!r} is one of a kubeconfig, and there is none; give --kubeconfig FILE")
    return _in_cluster()


def _in_cluster() -> Connection:
    configuration = Configuration()

    def read() -> None:
        loader = InClusterConfigLoader(SERVICE_TOKEN_FILENAME, SERVICE_CERT_FILENAME, try_refresh_token=False)
        loader.load_and_set(configuration)

    async def reload(is_refused: bool) -> None:
        read()

    try:
        read()
    except (ConfigException, OSError) as error:
        raise UsageError(
            "this is not a pod with a service account: give --kubeconfig FILE, "
            "or let the pod mount its service account's token"
        ) from error
    return _connected(configuration, reload, "the service account of this pod", holds_token=False)


async def _from_file(paths: str, context: str | None) -> Connection:
    found = kubeconfig.read(paths, context)
    configuration = Configuration()

    async def read() -> Any:
        return await load_kube_config_from_dict(
            kubeconfig.read(paths, context).content, context=found.context, client_configuration=configuration
        )

    try:
        async with asyncio.timeout(_PLUGIN_PATIENCE):
            loader = await read()
    except _MALFORMED as error:
        raise UsageError(
            f"the kubeconfig {found.paths} cannot be used: see that the certificates, tokens and commands it names are "
            "there; a client certificate in the file itself also needs a folder for temporary files"
        ) from error

    async def reload(is_refused: bool) -> None:
        if "exec" not in found.user:
            await read()
        elif is_refused or hasattr(loader, "exec_plugin_expiry"):
            # A plugin that names no expiry is asked again only when its token was refused, as kubectl does.
            if is_refused:
                loader.__dict__.pop("exec_plugin_expiry", None)
            await loader.load_from_exec_plugin()
            if hasattr(loader, "token"):  # else the plugin gave a certificate, which no request can carry
                configuration.api_key[_TOKEN] = loader.token

    return _connected(
        configuration,
        reload,
        f"context {found.context} of the kubeconfig {found.paths}",
        authority=found.authority,
        holds_token="token" in found.user and not {"exec", "tokenFile", "auth-provider"} & set(found.user),
    )


def _connected(
    configuration: Configuration, reload: Reload, source: str, *, authority: str | None = None, holds_token: bool
) -> Connection:
    try:
        return Connection(configuration, reload=reload, authority=authority, holds_token=holds_token, source=source)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise UsageError(f"a certificate or key that {source} names cannot be read: check its PEM data") from error


def _authority(configuration: Configuration) -> str | None:
    """The authority that a file of its own holds."""
    return Path(configuration.ssl_ca_cert).read_text(encoding="utf-8") if configuration.ssl_ca_cert else None


def _tls(configuration: Configuration, authority: str | None) -> ssl.SSLContext | None:
    if not (configuration.host or "").startswith("https"):
        return None
    context = ssl.create_default_context(cadata=authority)
    # On by default since Python 3.13: clusters whose authority was made without key identifiers would not be trusted.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, keyfile=configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
