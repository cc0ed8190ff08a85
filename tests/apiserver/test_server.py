"""The real server keeps what it was told over a crash, and can be frozen without being gone."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apiserver.build import Binaries
from tests.apiserver.server import RealAPIServer

pytestmark = [pytest.mark.realapi, pytest.mark.long]
NAMESPACE = '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept"}}'


@pytest.fixture
def server(binaries: Binaries, tmp_path: Path) -> Iterator[RealAPIServer]:
    """A server of this test's own."""
    own = RealAPIServer(binaries, tmp_path)
    own.start()
    yield own
    own.stop()


def ask(server: RealAPIServer, method: str, path: str, body: str | None = None, *, timeout: float = 10) -> int:
    """The HTTP status. Raises OSError."""
    trusted = ssl.create_default_context(cadata=server.ca_pem.decode())
    connection = http.client.HTTPSConnection(server.url.removeprefix("https://"), timeout=timeout, context=trusted)
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_what_was_written_survives_a_crash_and_a_frozen_server_answers_later(server: RealAPIServer) -> None:
    assert ask(server, "POST", "/api/v1/namespaces", NAMESPACE) == 201
    server.kill()
    with pytest.raises(ConnectionRefusedError):
        ask(server, "GET", "/api/v1/namespaces/kept")
    server.restart()
    assert ask(server, "GET", "/api/v1/namespaces/kept") == 200
    server.pause()
    with pytest.raises(TimeoutError):
        ask(server, "GET", "/api/v1/namespaces/kept", timeout=0.2)
    server.resume()
    assert ask(server, "GET", "/api/v1/namespaces/kept") == 200


def test_etcd_forgets_old_versions_on_request_and_keeps_the_rest_over_a_crash(server: RealAPIServer) -> None:
    old = "/api/v1/namespaces?resourceVersion=2&resourceVersionMatch=Exact&limit=1"
    assert ask(server, "POST", "/api/v1/namespaces", NAMESPACE) == 201
    assert ask(server, "GET", old) == 200
    server.compact()
    server.kill()
    server.restart()  # what it had in memory is gone as well
    assert ask(server, "GET", old) == 410
    server.kill_etcd()
    deadline = time.monotonic() + 40
    while ask(server, "GET", "/readyz/etcd") == 200:  # it asks etcd now and then only
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server.restart_etcd()
    assert ask(server, "GET", "/api/v1/namespaces/kept") == 200
