"""`fleetdns emulate`: what it prints leads to a server that answers, and Ctrl-C ends it with 0."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from fleetdns import cli, emulate
from fleetdns.errors import UsageError


class Terminal:
    """Stands where stdout is; when the announcement is complete, it looks around and presses Ctrl-C."""

    def __init__(self, look: Callable[[str], object]) -> None:
        self._look = look
        self.text = ""
        self.seen: object = None
        self.failure: Exception | None = None

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        # The server needs this thread, which runs its loop, to answer what the look asks for.
        threading.Thread(target=self._look_and_leave).start()

    def _look_and_leave(self) -> None:
        try:
            self.seen = self._look(self.text)
        except Exception as error:  # told by the test, once the server has ended
            self.failure = error
        finally:
            os.kill(os.getpid(), signal.SIGINT)


def emulated(arguments: list[str], look: Callable[[str], object], monkeypatch: pytest.MonkeyPatch) -> Terminal:
    terminal = Terminal(look)
    monkeypatch.setattr("sys.stdout", terminal)
    code = cli.main(["emulate", *arguments])
    monkeypatch.undo()
    assert terminal.failure is None
    assert code == 0
    return terminal


def exported(text: str, variable: str) -> str:
    (value,) = (line.partition("=")[2] for line in text.splitlines() if line.startswith(f"  export {variable}="))
    return value


def test_azure_answers_where_its_export_line_says(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(text: str) -> int:
        url = f"{exported(text, 'FLEETDNS_ARM_ENDPOINT')}/_emulator/profiles"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the emulator's own address
            return len(json.load(answer)["profiles"])

    assert emulated(["azure", "--strict-public-ips"], look, monkeypatch).seen == 0


def test_azure_lets_new_endpoints_become_online(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(text: str) -> float | None:
        url = f"{exported(text, 'FLEETDNS_ARM_ENDPOINT')}/_emulator/behaviour"
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - the emulator's own address
            delay: float | None = json.load(answer)["probe_delay"]
            return delay

    assert emulated(["azure"], look, monkeypatch).seen == 5.0


def test_hub_writes_the_kubeconfig_that_its_export_line_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "hub.yaml"

    def look(text: str) -> str:
        named = Path(exported(text, "KUBECONFIG"))
        assert named == file
        server: str = json.loads(named.read_text())["clusters"][0]["cluster"]["server"]
        assert server in text
        return server

    assert str(emulated(["hub", f"--kubeconfig={file}"], look, monkeypatch).seen).startswith("https://127.0.0.1:")
    assert file.stat().st_mode & 0o077 == 0
    # Another start may replace what an earlier one wrote.
    emulated(["hub", f"--kubeconfig={file}"], look, monkeypatch)


def test_hub_without_a_file_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(text: str) -> Path:
        file = Path(exported(text, "KUBECONFIG"))
        assert file.is_file()
        return file

    file = emulated(["hub"], look, monkeypatch).seen
    assert isinstance(file, Path)
    assert not file.parent.exists()


def test_hub_never_replaces_somebodys_own_kubeconfig(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("current-context: production\n")
    with pytest.raises(UsageError, match="another file"):
        emulate.emulate_hub(port=0, kubeconfig=str(file))
    assert file.read_text() == "current-context: production\n"


def test_hub_says_which_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        emulate.emulate_hub(port=0, kubeconfig=str(tmp_path / "file" / "config"))


def test_dns_starts_before_its_traffic_manager_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def look(text: str) -> bool:
        return " -p " in text

    assert emulated(["dns", "--azure=http://127.0.0.1:9"], look, monkeypatch).seen is True


def test_a_port_in_use_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"--port is {port}, which cannot be had \(Address already in use\);"):
            emulate.emulate_azure(port=port, strict_public_ips=False)


def test_a_missing_extra_is_a_sentence_and_any_other_missing_module_a_bug() -> None:
    with pytest.raises(UsageError, match="dns"), emulate.needing_emulators():
        raise ModuleNotFoundError(name="dns.message")
    with pytest.raises(ModuleNotFoundError), emulate.needing_emulators():
        raise ModuleNotFoundError(name="fleetdns.missing")
