"""Which proxy is asked for a server, by the environment."""

from __future__ import annotations

import pytest

from fleetdns.envproxy import proxy_for

ARM = "https://management.azure.com"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def test_without_any_nobody_is_asked() -> None:
    assert proxy_for(ARM) is None


def test_each_scheme_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy.example:3128")
    assert proxy_for(ARM) == "http://me:secret@proxy.example:3128"
    assert proxy_for("http://hub.example") is None


def test_a_server_that_needs_none_is_asked_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "hub.example,.azure.com")
    assert proxy_for(ARM) is None
    assert proxy_for("https://hub.example:6443") is None
