"""Custom probe headers and expected status codes: at most eight of each, names unique without case."""

import re
from collections import Counter

from fleetdns.emulator.azure.fields import Fields
from fleetdns.emulator.azure.resources import Header, StatusRange

LIMIT = 8
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def custom_headers(fields: Fields) -> tuple[Header, ...]:
    headers = tuple(
        Header(item.text("name") or "", item.text("value") or "") for item in fields.objects("customHeaders")
    )
    if len(headers) > LIMIT:
        fields.refuse("customHeaders", f"takes at most {LIMIT} headers")
    if any(not _TOKEN.fullmatch(header.name) for header in headers):
        fields.refuse("customHeaders", "needs a valid header name on every item")
    if any(count > 1 for count in Counter(header.name.casefold() for header in headers).values()):
        fields.refuse("customHeaders", "names a header more than once")
    if any(header.name.casefold() == "host" and "*" in header.value for header in headers):
        fields.refuse("customHeaders", "does not take '*' in the value of Host")
    return headers


def expected_status_codes(fields: Fields) -> tuple[StatusRange, ...]:
    ranges = tuple(
        StatusRange(item.integer("min", 100, 999) or 0, item.integer("max", 100, 999) or 0)
        for item in fields.objects("expectedStatusCodeRanges")
    )
    if len(ranges) > LIMIT:
        fields.refuse("expectedStatusCodeRanges", f"takes at most {LIMIT} ranges")
    if any(item.low > item.high for item in ranges):
        fields.refuse("expectedStatusCodeRanges", "needs min not above max in every range")
    return ranges
