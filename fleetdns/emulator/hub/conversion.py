"""Between what is stored and what a version shows: conversion strategy None changes the apiVersion and nothing else."""

from __future__ import annotations

from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key, Store, decode, encode


def as_served(served: Served, raw: bytes) -> Object:
    """The object as this version shows it, a fresh copy."""
    obj = decode(raw)
    obj["apiVersion"], obj["kind"] = served.api_version, served.kind
    if served.converts and served.schema is not None:
        metadata = obj["metadata"]
        pruned, _ = served.schema.prune(obj)
        obj = served.schema.default(pruned) | {"metadata": metadata}
    return obj


def raw_as_served(served: Served, raw: bytes) -> bytes:
    """The same, encoded; without decoding where only the apiVersion differs."""
    if served.converts:
        return encode(as_served(served, raw))
    if served.version == served.storage_version:
        return raw
    # Encoding sorts keys, so that every stored object starts with its apiVersion.
    start = f'{{"apiVersion":"{served.stored_api_version}"'.encode()
    return f'{{"apiVersion":"{served.api_version}"'.encode() + raw[len(start) :]


def read(store: Store, served: Served, key: Key) -> Object | None:
    version = store.get(served.resource, key)
    return None if version is None or version.raw is None else as_served(served, version.raw)


def write(store: Store, served: Served, key: Key, obj: Object) -> Object:
    """Store an object of this version; gives it back as this version shows it, with its new resourceVersion."""
    version = store.put(served.resource, key, obj | {"apiVersion": served.stored_api_version, "kind": served.kind})
    return as_served(served, version.raw or b"{}")
