"""Every setting of `fleetdns member-kubeconfig`, read and checked as those of `run` are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX
from fleetdns.core.tokenlife import LONGEST_LIFE, SHORTEST_LIFE
from fleetdns.errors import UsageError
from fleetdns.settings.flags import CONTEXT, Flag, Reader
from fleetdns.settings.kubeconfig import kubectls
from fleetdns.settings.values import Unusable, cluster_name, namespace, web_address

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}

MEMBER_ACCESS_FLAGS: tuple[Flag, ...] = (
    Flag("ttl", "DURATION", "how long the token is good: 7d, 168h, 90m or 3600s; at least 10m", "168h"),
    Flag(
        "kubeconfig", "FILE", "an administrator's of the hub; without it KUBECONFIG, ~/.kube/config, or that of the pod"
    ),
    CONTEXT,
    Flag("hub-namespace", "NAMESPACE", "the cluster's namespace on the hub; without it, fleet-member-CLUSTER"),
    Flag("server", "URL", "the hub's address for the member cluster; without it, the one that is used here"),
)


@dataclass(frozen=True, slots=True)
class MemberAccess:
    """Whose credentials are asked for. `ttl`: seconds; `kubeconfig` None: the pod's own account."""

    namespace: str
    ttl: int
    kubeconfig: str | None
    context: str | None
    server: str | None


def member_access_from(cluster: str, flags: Mapping[str, str | None], environment: Mapping[str, str]) -> MemberAccess:
    """The settings for a cluster. `flags`: by the flag's name, None where it was not given. Raises UsageError."""
    read = Reader(flags, environment, MEMBER_ACCESS_FLAGS)
    try:
        own_namespace = MEMBER_NAMESPACE_PREFIX + cluster_name(cluster)
    except Unusable as error:
        raise UsageError(f"CLUSTER is {cluster!r}; {error}") from None
    return MemberAccess(
        namespace=read.optional("hub-namespace", namespace) or own_namespace,
        ttl=read("ttl", duration),
        kubeconfig=read.optional("kubeconfig", str) or kubectls(environment),
        context=read.optional("context", str),
        server=read.optional("server", web_address),
    )


def duration(text: str) -> int:
    """Seconds; for the life of a token."""
    found = re.fullmatch(r"([0-9]{1,10})([smhd])", text)
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not SHORTEST_LIFE <= seconds <= LONGEST_LIFE:
        longest = LONGEST_LIFE // _SECONDS["d"]
        raise Unusable(f"give a whole number with a unit, such as 7d, 168h, 90m or 3600s, from 10m to {longest}d")
    return seconds
