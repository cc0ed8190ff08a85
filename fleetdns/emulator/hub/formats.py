"""The string formats that Kubernetes checks in a schema. A format that is not listed here is documentation."""

import base64
import binascii
import contextlib
import datetime as dt
import email.utils
import ipaddress
import re
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|[+-][0-9]{2}:[0-9]{2})", re.IGNORECASE)
_DURATION = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?(ns|us|µs|μs|ms|s|m|h))+|[+-]?0")
_MAC = re.compile(r"([0-9a-f]{2}[:-]){5}[0-9a-f]{2}([:-][0-9a-f]{2}){0,14}", re.IGNORECASE)
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*", re.IGNORECASE)
_NAME = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_UUID = "[0-9a-f]{8}-?[0-9a-f]{4}-?%s[0-9a-f]{3}-?%s[0-9a-f]{3}-?[0-9a-f]{12}"


def has_format(text: str, name: str) -> bool:
    """Whether the text is of the named format; hyphens in the name do not count."""
    return _CHECKS[name.replace("-", "")](text)


def _date(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is not None and _succeeds(dt.date.fromisoformat, text)


def _date_time(text: str) -> bool:
    day, _, clock = text.lower().partition("t")
    match = _TIME.fullmatch(clock)
    return _date(day) and match is not None and match[1] <= "23" and match[2] <= "59" and match[3] <= "59"


def _duration(text: str) -> bool:
    return _DURATION.fullmatch(text) is not None


def _ipv4(text: str) -> bool:
    return _succeeds(ipaddress.IPv4Address, text)


def _ipv6(text: str) -> bool:
    return _succeeds(ipaddress.IPv6Address, text)


def _cidr(text: str) -> bool:
    return "/" in text and _succeeds(lambda value: ipaddress.ip_network(value, strict=False), text)


def _email(text: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", email.utils.parseaddr(text)[1]) is not None


def _uri(text: str) -> bool:
    with contextlib.suppress(ValueError):
        return text.startswith("/") or bool(urlsplit(text).scheme)
    return False


def _byte(text: str) -> bool:
    with contextlib.suppress(binascii.Error, ValueError):
        base64.b64decode(text, validate=True)
        return True
    return False


def _uuid(version: str, variant: str) -> Callable[[str], bool]:
    pattern = re.compile(_UUID % (version, variant), re.IGNORECASE)
    return lambda text: pattern.fullmatch(text) is not None


def _succeeds(parse: Callable[[str], object], text: str) -> bool:
    with contextlib.suppress(ValueError):
        parse(text)
        return True
    return False


_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "byte": _byte,
    "cidr": _cidr,
    "date": _date,
    "datetime": _date_time,
    "duration": _duration,
    "email": _email,
    "hostname": lambda text: len(text) < 256 and _HOST.fullmatch(text) is not None,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "k8slongname": lambda text: len(text) < 254 and _NAME.fullmatch(text) is not None,
    "k8sshortname": lambda text: len(text) < 64 and "." not in text and _NAME.fullmatch(text) is not None,
    "mac": lambda text: _MAC.fullmatch(text) is not None,
    "password": lambda _: True,
    "uri": _uri,
    "uuid": _uuid("[0-9a-f]", "[0-9a-f]"),
    "uuid3": _uuid("3", "[0-9a-f]"),
    "uuid4": _uuid("4", "[89ab]"),
    "uuid5": _uuid("5", "[89ab]"),
}
CHECKED = frozenset(_CHECKS)
