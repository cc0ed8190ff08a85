"""monitorConfig: its defaults and its rules.

interval | timeout | default
30       | 5..10   | 10
10       | 5..9    | 9
"""

from fleetdns.emulator.azure.fields import Fields
from fleetdns.emulator.azure.headers import custom_headers, expected_status_codes
from fleetdns.emulator.azure.resources import Monitor

PROTOCOLS = ("HTTP", "HTTPS", "TCP")
_LONGEST_TIMEOUT = {30: 10, 10: 9}


def monitor_from(fields: Fields) -> Monitor:
    """The monitor a request asks for. What is wrong with it is added to the problems of `fields`."""
    fields.required("protocol")
    fields.required("port")
    protocol = fields.choice("protocol", PROTOCOLS) or "HTTP"
    interval = _interval(fields)
    longest = _LONGEST_TIMEOUT[interval]
    timeout = fields.integer("timeoutInSeconds", 5, longest)
    tolerated = fields.integer("toleratedNumberOfFailures", 0, 9)
    expected = expected_status_codes(fields)
    if expected and protocol == "TCP":
        fields.refuse("expectedStatusCodeRanges", "cannot be given for the protocol TCP")
    return Monitor(
        protocol=protocol,
        port=fields.integer("port", 1, 65535) or 0,
        path=_path(fields, protocol),
        interval=interval,
        timeout=longest if timeout is None else timeout,
        tolerated_failures=3 if tolerated is None else tolerated,
        headers=custom_headers(fields),
        expected=expected,
    )


def _interval(fields: Fields) -> int:
    interval = fields.integer("intervalInSeconds", 10, 30)
    if interval is None:
        return 30
    if interval not in _LONGEST_TIMEOUT:
        fields.refuse("intervalInSeconds", "must be 10 or 30")
        return 30
    return interval


def _path(fields: Fields, protocol: str) -> str | None:
    path = fields.text("path")
    if protocol == "TCP":
        if path is not None:
            fields.refuse("path", "cannot be given for the protocol TCP")
        return None
    if path is None:
        fields.required("path")
    elif not path.startswith("/"):
        fields.refuse("path", "must begin with '/'")
    return path
