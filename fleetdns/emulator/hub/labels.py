"""The words Kubernetes allows: DNS labels and subdomains, keys with an optional prefix, values of labels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fleetdns.emulator.hub.fields import FieldError, invalid

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
HOST_LABEL = "[a-z]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_QUALIFIED})?"
NOT_A_SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{SUBDOMAIN}')"
)
NOT_A_LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LABEL}')"
)
NOT_A_HOST_LABEL = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    f"'{HOST_LABEL}')"
)
_NOT_QUALIFIED = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_NOT_A_KEY = (
    "a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    f"alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_QUALIFIED}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_NOT_A_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    f"'{_VALUE}')"
)


def key_errors(field: str, key: str) -> Iterator[FieldError]:
    """What is wrong with the key of a label or annotation, or with a finalizer."""
    if key.count("/") > 1:
        yield invalid(field, key, _NOT_A_KEY)
        return
    prefix, slash, name = key.rpartition("/")
    if slash and (not prefix or len(prefix) > 253 or not re.fullmatch(SUBDOMAIN, prefix.lower())):
        yield invalid(field, key, f"prefix part {NOT_A_SUBDOMAIN}" if prefix else "prefix part must be non-empty")
    if not name:
        yield invalid(field, key, "name part must be non-empty")
    elif len(name) > 63:
        yield invalid(field, key, "name part must be no more than 63 bytes")
    if not re.fullmatch(_QUALIFIED, name):
        yield invalid(field, key, _NOT_QUALIFIED)


def value_errors(field: str, value: str) -> Iterator[FieldError]:
    """What is wrong with the value of a label."""
    if len(value) > 63:
        yield invalid(field, value, "must be no more than 63 bytes")
    elif not re.fullmatch(_VALUE, value):
        yield invalid(field, value, _NOT_A_VALUE)


def selector_errors(key: str, values: Iterable[str]) -> Iterator[FieldError]:
    """Why no label can have this key or one of these values."""
    yield from key_errors("<nil>", key)
    for position, value in enumerate(sorted(values)):
        yield from value_errors(f"values[{position}][{key}]", value)
