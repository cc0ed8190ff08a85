"""kubernetes_asyncio without its models: 800 modules that nobody here uses, and 35 MiB of an idle process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from types import ModuleType

_PACKAGE = "kubernetes_asyncio"
_CLIENT = f"{_PACKAGE}.client"


@contextmanager
def without_models() -> Iterator[None]:
    """Modules of the library that are imported in the block find its packages unopened: of kubernetes_asyncio.client
    they get Configuration, and a name for what its loader of configurations never makes for us.

    Whoever imports the library itself, before or after, has all of it.
    """
    if _PACKAGE in sys.modules:
        yield
        return
    package = _unopened(_PACKAGE, None)
    client = _unopened(_CLIENT, list(package.__path__))
    try:
        client.__dict__["Configuration"] = import_module(f"{_CLIENT}.configuration").Configuration
        client.__dict__["ApiClient"] = object
        yield
    finally:
        del sys.modules[_CLIENT], sys.modules[_PACKAGE]


def _unopened(name: str, path: list[str] | None) -> ModuleType:
    """The package as a place to find modules in; its own code has not run."""
    spec = PathFinder.find_spec(name, path)
    if spec is None:
        raise ModuleNotFoundError(name, name=name)
    sys.modules[name] = module_from_spec(spec)
    return sys.modules[name]
