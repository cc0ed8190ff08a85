"""DNS names that somebody may take whose own is in use elsewhere: like it, and told apart by what is theirs alone."""

from __future__ import annotations

from fleetdns.core.naming import MAX_LABEL, PROFILE_TAG, dns_name_problem
from fleetdns.core.trafficmanager import Profile

MOST = 3  # each costs a call
_UID = 5  # characters of it; enough to be alone with a name


def similar_names(profile: Profile) -> tuple[str, ...]:
    """At most three, the nicest first. `profile`: as it was to be made."""
    namespace = (profile.tag(PROFILE_TAG) or "").partition("/")[0]
    uid = profile.ref.name.removeprefix("fleet-")[:_UID]
    endings = (namespace, uid, f"{namespace}-{uid}")
    names = (_with(profile.relative_name, ending) for ending in endings if ending)
    fitting = (name for name in names if dns_name_problem(name) is None and name != profile.relative_name)
    return tuple(dict.fromkeys(fitting))[:MOST]


def _with(name: str, ending: str) -> str:
    """The ending goes to the first label, of which as much stays as there is room for."""
    first, dot, rest = name.partition(".")
    return f"{first[: MAX_LABEL - len(ending) - 1].rstrip('-')}-{ending}{dot}{rest}"
