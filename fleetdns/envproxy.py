"""The proxy that the environment names for a server, as curl and kubectl take it.

aiohttp would find it itself, but would look into ~/.netrc as well, with every request, for a password: where it finds
one, it refuses to send our token, or sends the password where there is no token.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass


def proxy_for(server: str) -> str | None:
    """What HTTPS_PROXY, HTTP_PROXY and NO_PROXY say of the server's URL; None: it is asked itself."""
    parts = urlsplit(server)
    if parts.hostname is None or proxy_bypass(parts.hostname):
        return None
    return getproxies().get(parts.scheme) or None
