"""The formats that are checked."""

import pytest

from fleetdns.emulator.hub.formats import has_format

CASES = {
    "date": (["2026-02-28"], ["2026-02-30", "26-02-01", "2026-02-28T00:00:00Z"]),
    "date-time": (
        ["2026-01-01T00:00:00Z", "2026-01-01t23:59:59.123456z", "2026-01-01T00:00:00+02:00"],
        ["2026-01-01", "2026-01-01T00:00:00", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "now"],
    ),
    "duration": (["1h30m", "22ns", "1.5s", "-3m", "0"], ["1", "h", "1 hour", ""]),
    "ipv4": (["1.2.3.4"], ["1.2.3", "1.2.3.256", "::1"]),
    "ipv6": (["::1", "2001:db8::1"], ["1.2.3.4", ":::"]),
    "cidr": (["10.0.0.0/8", "10.1.2.3/8", "2001:db8::/32"], ["10.0.0.0", "10.0.0.0/33"]),
    "mac": (["00:11:22:aa:bb:cc"], ["00:11:22:aa:bb", "zz:11:22:aa:bb:cc"]),
    "email": (["a@b.example"], ["a", "a@", "@b"]),
    "hostname": (["a.example", "A-1"], ["-a", "a..b", "a_b"]),
    "uri": (["https://a.example/x", "/path"], ["a", ""]),
    "byte": (["YWJj", ""], ["YWJ", "a b c d"]),
    "uuid": (["6ba7b810-9dad-11d1-80b4-00c04fd430c8", "6BA7B8109DAD11D180B400C04FD430C8"], ["6ba7b810"]),
    "uuid4": (["6ba7b810-9dad-41d1-80b4-00c04fd430c8"], ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]),
    "k8s-short-name": (["a-1"], ["a.b", "A", "a" * 64]),
    "k8s-long-name": (["a.b-1"], ["a..b", "A"]),
    "password": (["anything"], []),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, (good, _) in CASES.items() for text in good])
def test_is_of_the_format(name: str, text: str) -> None:
    assert has_format(text, name)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, (_, bad) in CASES.items() for text in bad])
def test_is_not_of_the_format(name: str, text: str) -> None:
    assert not has_format(text, name)
