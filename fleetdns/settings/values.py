"""The values that flags take: each function turns text into one, or raises Unusable with what to give instead."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from fleetdns.api.exports import MEMBER_NAMESPACE_PREFIX
from fleetdns.api.meta import ObjectKey
from fleetdns.core.callbudget import TRAFFIC_MANAGER_LIMITS, Kind
from fleetdns.core.naming import HUB_TAG, PROFILE_TAG, dns_name_problem, unknown_placeholders

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_LABEL = 63
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_GROUP = re.compile(r"[\w().-]{0,89}[\w()-]")  # Azure's rule for resource groups: 1..90, no full stop at the end
_NOT_IN_TAG_NAMES = "<>%&\\?/"
_MAX_TAGS = 48  # Azure takes 50 on a resource, and two are ours
_MAX_TAG_NAME, _MAX_TAG_VALUE = 512, 256


class Unusable(ValueError):
    """A value that cannot be used; the text says what to give, as the second half of a sentence."""


class Address(NamedTuple):
    """Where to listen. An empty host is every interface, port 0 a free one."""

    host: str
    port: int


def address(text: str) -> Address | None:
    """HOST:PORT, :PORT, [IPv6]:PORT; None for "0", which turns a server off."""
    if text == "0":
        return None
    host, colon, port = text.rpartition(":")
    is_port = re.fullmatch(r"[0-9]{1,5}", port) is not None and int(port) <= 65535
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        is_host = _is_address(host) and ":" in host
    else:
        is_host = not re.search(r"[\s:/\[\]]", host)
    if not (colon and is_port and is_host):
        raise Unusable("give HOST:PORT or :PORT with a port up to 65535, or 0 to turn it off")
    return Address(host, int(port))


def call_limits(text: str) -> Mapping[Kind, int]:
    """KIND=N,...: calls a minute; the kinds that are not named keep what is documented."""
    limits = dict(TRAFFIC_MANAGER_LIMITS)
    for entry in text.split(","):
        name, _, number = (part.strip() for part in entry.partition("="))
        kind = next((known for known in TRAFFIC_MANAGER_LIMITS if known == name), None)
        if kind is None or not re.fullmatch(r"[1-9][0-9]{0,5}", number):
            known = ", ".join(TRAFFIC_MANAGER_LIMITS)
            raise Unusable(f"give KIND=N,... with calls a minute from 1 to 999999; kinds are {known}")
        limits[kind] = int(number)
    return limits


def namespace(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise Unusable("give the name of one namespace: up to 63 small letters, digits and inner hyphens")
    return text


def cluster_name(text: str) -> str:
    if not _LABEL.fullmatch(text) or len(MEMBER_NAMESPACE_PREFIX + text) > _LONGEST_LABEL:
        raise Unusable(
            f"give up to {_LONGEST_LABEL - len(MEMBER_NAMESPACE_PREFIX)} small letters, digits and inner hyphens: "
            f"the cluster's namespace on the hub is {MEMBER_NAMESPACE_PREFIX}CLUSTER"
        )
    return text


def object_key(text: str) -> ObjectKey:
    namespace, slash, name = text.partition("/")
    if not slash or not _LABEL.fullmatch(namespace) or not _NAME.fullmatch(name):
        raise Unusable("give NAMESPACE/NAME, or NAME and --namespace")
    return ObjectKey(namespace, name)


def subscription(text: str) -> str:
    if not _UUID.fullmatch(text):
        raise Unusable("give a subscription id such as 00000000-0000-0000-0000-000000000000, not a name")
    return text


def resource_group(text: str) -> str:
    if not _GROUP.fullmatch(text):
        raise Unusable(
            "give the name of a resource group: up to 90 letters, digits and ._-() without a full stop at the end"
        )
    return text


def allowed_groups(text: str) -> frozenset[tuple[str, str]]:
    groups = frozenset(_allowed_group(entry) for entry in _entries(text))
    if not groups:
        raise Unusable("give GROUP or NAMESPACE:GROUP, several with commas, or leave it out to allow any group")
    return groups


def _allowed_group(entry: str) -> tuple[str, str]:
    namespace, colon, group = entry.rpartition(":")
    if (colon and not _LABEL.fullmatch(namespace)) or not _GROUP.fullmatch(group):
        raise Unusable(f"{entry!r} in it is neither GROUP nor NAMESPACE:GROUP; give a list of those with commas")
    return namespace, group.lower()


def web_address(text: str) -> str:
    """An http or https address, without a slash at its end."""
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is no number
        is_address = False
    if not is_address or parts.query or parts.fragment or "@" in parts.netloc:
        raise Unusable("give an address that begins with https:// or http://, without a user or a query")
    return text.rstrip("/")


def arm_endpoint(text: str) -> str:
    address_given = web_address(text)
    parts = urlsplit(address_given)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise Unusable("give an https address: plain http is taken on loopback only, where no credential is sent")
    return address_given


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def hub_id(text: str) -> str:
    if len(text) > _MAX_TAG_VALUE or not text.isprintable():
        raise Unusable(f"give at most {_MAX_TAG_VALUE} printable characters: it becomes the value of a tag")
    return text


def tags(text: str) -> tuple[tuple[str, str], ...]:
    tags = tuple(_tag(entry) for entry in _entries(text))
    if len(tags) > _MAX_TAGS:
        raise Unusable(f"give at most {_MAX_TAGS} tags: Azure takes 50 on a profile, and fleetdns sets two")
    names = [name.lower() for name, _ in tags]
    for name in names:
        if names.count(name) > 1:
            raise Unusable(f"give each tag once: {name!r} is there twice, and Azure ignores case in the names of tags")
    return tuple(sorted(tags))


def _tag(entry: str) -> tuple[str, str]:
    name, equals, value = (part.strip() for part in entry.partition("="))
    if not equals or not name:
        raise Unusable(f"{entry!r} in it is no tag; give NAME=VALUE, several with commas")
    if len(name) > _MAX_TAG_NAME or not name.isprintable() or any(c in name for c in _NOT_IN_TAG_NAMES):
        raise Unusable(f"give tags whose names are printable and without any of {' '.join(_NOT_IN_TAG_NAMES)}")
    if name.lower() in (HUB_TAG.lower(), PROFILE_TAG.lower()):
        raise Unusable(f"leave out {name!r}, which fleetdns sets itself")
    if len(value) > _MAX_TAG_VALUE or not value.isprintable():
        raise Unusable(f"give tags whose values are at most {_MAX_TAG_VALUE} printable characters")
    return name, value


def _entries(text: str) -> Iterator[str]:
    return (entry for part in text.split(",") if (entry := part.strip()))


def template(text: str) -> str:
    unknown = unknown_placeholders(text)
    if unknown:
        raise Unusable(f"{unknown[0]} is unknown, give a template made of {{name}}, {{namespace}} and plain characters")
    filled = text.replace("{namespace}", "a").replace("{name}", "a")
    if filled == text:
        raise Unusable("give a template with {name} in it, or every profile would ask for the same DNS name")
    problem = dns_name_problem(filled)
    if problem:
        raise Unusable(f"give a template that makes DNS names such as {{namespace}}-{{name}}: {problem}")
    return text


def one_of(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise Unusable(f"give {', '.join(choices[:-1])} or {choices[-1]}")
        return text.lower()

    return parse


def whole_number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not lowest <= int(text) <= highest:
            raise Unusable(f"give a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def seconds(lowest: float, highest: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?", text) or not lowest <= float(text) <= highest:
            raise Unusable(f"give a number of seconds from {lowest:g} to {highest:g}, without a unit")
        return float(text)

    return parse


def boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Unusable("give true or false")
    return text.lower() == "true"
