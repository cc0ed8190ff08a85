"""Lists in pages: what is on this one, and the link to the next."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from fleetdns.emulator.azure.errors import bad_request
from fleetdns.emulator.azure.world import Inbound


def following(keys: Sequence[str], inbound: Inbound, *, page_size: int | None) -> tuple[slice, dict[str, Any]]:
    """Which of the sorted keys are on the page that is asked for, and `nextLink` where others follow.

    Raises ArmError 400 for a token that is none.
    """
    after = _skip_token(inbound)
    start = 0 if after is None else sum(key <= after for key in keys)
    end = len(keys) if page_size is None else start + page_size
    more = {"nextLink": _next_link(inbound, keys[end - 1])} if end < len(keys) else {}
    return slice(start, end), more


def _skip_token(inbound: Inbound) -> str | None:
    token = inbound.request.parameter("$skipToken")
    if token is None:
        return None
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise bad_request("The $skipToken is not valid.") from error


def _next_link(inbound: Inbound, last: str) -> str:
    """Absolute, to the host the client used: clients take scheme, host and path from it."""
    token = quote(base64.urlsafe_b64encode(last.encode()).decode())
    host = inbound.request.header("Host") or "127.0.0.1"
    scheme = inbound.request.header("X-Forwarded-Proto") or "http"
    return f"{scheme}://{host}{inbound.request.path}?api-version={inbound.version}&%24skipToken={token}"
