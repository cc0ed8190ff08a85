"""Where etcd and kube-apiserver are: as envtest's variables say, or built once from Go modules into the user's cache.

`python -m tests.apiserver.build` builds what is missing and prints where both are.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.apiserver.toolchain import Unavailable, environment, go

_MODULE = Path(__file__).parent
_PACKAGES = {"etcd": "go.etcd.io/etcd/server/v3", "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver"}
_HOW = (
    "run `python -m tests.apiserver.build` where Go modules can be downloaded, or name a folder that holds etcd and "
    "kube-apiserver in KUBEBUILDER_ASSETS, or leave these tests out with `-m 'not realapi'`"
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """The two programs a real API server consists of."""

    etcd: Path
    kube_apiserver: Path


def find(environ: Mapping[str, str]) -> Binaries | None:
    """What is given or was built before; None if one of the two is missing. Raises Unavailable for a false path."""
    found = {name: _given(name, environ) or _built(name, environ) for name in _PACKAGES}
    if found["etcd"] is None or found["kube-apiserver"] is None:
        return None
    return Binaries(found["etcd"], found["kube-apiserver"])


def ensure(environ: Mapping[str, str]) -> Binaries:
    """The same, after building what is missing: four minutes on two cores, once. Raises Unavailable."""
    found = find(environ)
    if found is not None:
        return found
    cache = _cache(environ)
    try:
        with _alone(cache):
            for name in _PACKAGES:
                if (_given(name, environ) or _built(name, environ)) is None:
                    _build(name, go(cache.parent, environ), environ)
    except (Unavailable, OSError) as error:
        raise Unavailable(f"a real API server is neither given nor can it be built ({error}): {_HOW}") from error
    return Binaries(*(_given(name, environ) or cache / name for name in _PACKAGES))


def _given(name: str, environ: Mapping[str, str]) -> Path | None:
    """Where envtest would look: a variable for each program, then one for a folder."""
    variable = f"TEST_ASSET_{name.upper().replace('-', '_')}"
    if environ.get(variable):
        path = Path(environ[variable])
        if not os.access(path, os.X_OK):
            raise Unavailable(f"{variable} names {path}, which is no program")
        return path
    folder = environ.get("KUBEBUILDER_ASSETS", "")
    path = Path(folder, name)
    return path if folder and os.access(path, os.X_OK) else None


def _built(name: str, environ: Mapping[str, str]) -> Path | None:
    path = _cache(environ) / name
    return path if os.access(path, os.X_OK) else None


def _cache(environ: Mapping[str, str]) -> Path:
    """A folder for exactly these versions of all modules."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    sums = hashlib.sha256((_MODULE / "go.sum").read_bytes()).hexdigest()
    return base / "fleetdns" / "apiserver" / sums[:16]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One build at a time: two at once would take the machine's memory, and twice the time."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(name: str, program: Path, environ: Mapping[str, str]) -> None:
    """Go keeps what it has compiled: a build that was cut off goes on where it was."""
    print(f"building {name} from Go modules; this is done once", file=sys.stderr)
    made = _cache(environ) / name
    draft = made.with_suffix(".draft")
    flags = ["-trimpath", "-buildvcs=false", "-mod=readonly", f"-ldflags=-s -w {_versions()}"]
    command = [str(program), "build", *flags, "-o", str(draft), _PACKAGES[name]]
    if subprocess.run(command, cwd=_MODULE, env=environment(environ), check=False).returncode:
        raise Unavailable(f"building {name} failed")
    draft.replace(made)


def _versions() -> str:
    """Linker flags: without them the server takes itself for v0.0.0 and refuses feature gates."""
    wanted = re.search(r"k8s\.io/kubernetes v(\d+)\.(\d+)\.(\d+)", (_MODULE / "go.mod").read_text())
    if wanted is None:
        raise Unavailable("go.mod names no version of k8s.io/kubernetes")
    major, minor, patch = wanted.groups()
    values = {"gitVersion": f"v{major}.{minor}.{patch}", "gitMajor": major, "gitMinor": minor}
    return " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in values.items())


def main() -> int:
    """0 with both paths on standard output; 1 with a sentence on standard error."""
    try:
        binaries = ensure(os.environ)
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(f"etcd            {binaries.etcd}\nkube-apiserver  {binaries.kube_apiserver}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
