"""What is written in the log: one class for each part that reports, fulfilling its observer Protocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import structlog

from fleetdns.api.meta import ObjectKey
from fleetdns.core.changes import subject_name
from fleetdns.core.drift import Drift
from fleetdns.core.outcome import Failure, Outcome
from fleetdns.core.policy import Held
from fleetdns.errors import Bug, FleetDNSError
from fleetdns.runtime.controller import Reconciled
from fleetdns.runtime.events import Unknown
from fleetdns.runtime.listwatch import Denied, Unauthenticated
from fleetdns.runtime.observer import Health, InformerObserver, Phase

_log = structlog.get_logger("fleetdns")


class ControllerLog:
    """One line per reconcile; a collision that heals by itself, and a look at what is not heard of, at debug only."""

    def reconciled(self, run: Reconciled, /) -> None:
        facts: dict[str, object] = {
            "controller": run.controller,
            "key": str(run.key),
            "result": run.label,
            "seconds": round(run.duration, 3),
        }
        if run.requeue_after is not None:
            facts["requeue_after"] = round(run.requeue_after, 3)
        if run.error is None:
            write = _log.debug if run.is_quiet else _log.info
            write("reconciled", **facts)
            return
        facts |= _error_facts(run.error)
        match run.report:
            case "silent":
                _log.debug("reconcile collided", **facts)
            case "warning":
                _log.warning("reconcile failed", **facts)
            case "traceback":
                _log.error("reconcile failed unexpectedly", **facts, exc_info=run.error)


class Server(NamedTuple):
    """An API server in people's words, and the manifests that bring our kinds to it."""

    name: str
    definitions: str


HUB = Server("the hub", "manifests/crds")


class InformerLog(InformerObserver):
    """What happens to the caches that somebody may have to act on; single watch events are not told.

    `server_of`: where a kind comes from.
    """

    def __init__(self, server_of: Callable[[str], Server] = lambda _: HUB) -> None:
        self._server_of = server_of

    def listed(self, name: str, /, *, reason: str, by: str, objects: int, duration: float) -> None:
        _log.info("listed", kind=name, objects=objects, reason=reason, by=by, seconds=round(duration, 3))

    def watch_ended(self, name: str, /, *, reason: str, duration: float) -> None:
        _log.debug("watch ended", kind=name, reason=reason, seconds=round(duration, 3))

    def phase_changed(self, name: str, health: Health, /) -> None:
        error = f"{type(health.error).__name__}: {health.error}" if health.error else None
        server, definitions = self._server_of(name)
        match health.phase:
            case Phase.NOT_SERVED:
                _log.warning(
                    f"{server} does not serve {name}: install the CRDs with kubectl apply -k {definitions}; "
                    "fleetdns is not ready until then and keeps looking",
                    kind=name,
                )
            case Phase.ABSENT:
                _log.info(f"{server} does not have this kind, which it need not: fleetdns keeps looking", kind=name)
            case Phase.RETRYING if isinstance(health.error, Unauthenticated):
                _log.warning(
                    f"{server} does not let fleetdns list and watch {name}: check its credentials; it keeps trying",
                    kind=name,
                    error=error,
                )
            case Phase.RETRYING if isinstance(health.error, Denied):
                _log.warning(
                    f"{server} does not let fleetdns list and watch {name}: check its rights with docs/rights.md; it "
                    "keeps trying",
                    kind=name,
                    error=error,
                )
            case Phase.RETRYING:
                _log.warning(f"{server} cannot be read, trying again", kind=name, error=error)
            case _:
                _log.info("watching", kind=name)

    def synced(self, name: str, objects: int, /) -> None:
        _log.info("cache synced", kind=name, objects=objects)

    def undecodable(self, name: str, unknown: Unknown[Any], /) -> None:
        _log.warning(
            "an object cannot be understood: nothing it could be the reason for is deleted until it can",
            kind=name,
            key=None if unknown.key is None else str(unknown.key),
            uid=unknown.uid,
            because=unknown.because,
        )

    def handler_failed(self, name: str, error: Exception, /) -> None:
        _log.error("a handler failed", kind=name, exc_info=error)


class SweepLog:
    """What the sweeps over Azure find."""

    def swept(self, resource_group: str, changed: int) -> None:
        write = _log.info if changed else _log.debug
        where = {"resource_group": resource_group} if resource_group else {}
        write("swept", **where, changed=changed)

    def sweep_failed(self, resource_group: str, error: FleetDNSError) -> None:
        where = {"resource_group": resource_group} if resource_group else {}
        if isinstance(error, Bug):
            _log.error("a sweep failed on a list of Azure, the next one tries again", **where, exc_info=error.__cause__)
            return
        _log.warning("Azure could not be listed, the next sweep tries again", **where, **_error_facts(error))

    def fell_silent(self, resource_group: str, profiles: int, because: Failure | None) -> None:
        cause = {"code": because.code, "sentence": because.sentence} if because is not None else {}
        _log.warning(
            "nothing is heard of profiles any more: they stay as they are in Azure, and their status says so",
            resource_group=resource_group,
            profiles=profiles,
            **cause,
        )

    def spoke_again(self, resource_group: str, profiles: int) -> None:
        _log.info("profiles are heard of again", resource_group=resource_group, profiles=profiles)


class PublicIPLog:
    """A line for each list of public IPs that found something new, and for each that failed."""

    def listed(self, resource_group: str, changed: int) -> None:
        if changed:
            _log.info("public IPs listed", resource_group=resource_group, changed=changed)

    def list_failed(self, resource_group: str, error: FleetDNSError) -> None:
        _log.warning("public IPs cannot be listed", resource_group=resource_group, **_error_facts(error))


class ChangeLog:
    """What policy keeps from Azure (a pause, a dry run), one line when it begins, and what of others was put back."""

    def __init__(self) -> None:
        self._told: dict[ObjectKey, frozenset[tuple[str, str, str, str]]] = {}  # only keys that hold something back
        self._guarded: dict[ObjectKey, Mapping[ObjectKey, tuple[str, ...]]] = {}  # the same for the removal guard
        self._unidentified: dict[ObjectKey, str] = {}  # why a profile cannot be in Azure

    def reconciled(self, key: ObjectKey, outcome: Outcome) -> None:
        held = frozenset(_held_facts(held) for held in outcome.held)
        for reason, change, endpoint, because in sorted(held - self._told.get(key, frozenset())):
            subject = {"endpoint": endpoint} if endpoint else {}
            _log.info("change held back", profile=str(key), reason=reason, change=change, **subject, because=because)
        self._told.pop(key, None)
        self._unidentified.pop(key, None)
        if held:
            self._told[key] = held
        self._guard(key, outcome)

    def _guard(self, key: ObjectKey, outcome: Outcome) -> None:
        if outcome.is_observed and outcome.guarded != self._guarded.get(key, {}):
            for backend, clusters in sorted(outcome.guarded.items()):
                _log.warning(
                    "exports vanished, their endpoints stay: see condition Guarded of the backend",
                    profile=str(key),
                    backend=str(backend),
                    clusters=list(clusters),
                )
            self._guarded[key] = outcome.guarded
            if not outcome.guarded:
                self._guarded.pop(key)
                _log.info("the guard holds nothing any more", profile=str(key))

    def repaired(self, key: ObjectKey, drift: Drift) -> None:
        subject = {"profile": str(key)} | ({"endpoint": drift.endpoint} if drift.endpoint else {})
        _log.warning("changed elsewhere and put back", **subject, fields=list(drift.fields), because=drift.because)

    def health_changed(self, key: ObjectKey, states: Mapping[str, int]) -> None:
        if states:
            _log.info("endpoints changed state", profile=str(key), states=dict(sorted(states.items())))

    def unidentified(self, key: ObjectKey, message: str) -> None:
        if self._unidentified.get(key) != message:
            _log.warning("a profile cannot be in Azure", profile=str(key), because=message)
        self.forgotten(key)
        self._unidentified[key] = message

    def forgotten(self, key: ObjectKey) -> None:
        self._told.pop(key, None)
        self._guarded.pop(key, None)
        self._unidentified.pop(key, None)


class AzureCallLog:
    """One line per read from Azure, for the sake of its correlation id; a write is logged with its reason elsewhere."""

    def called(self, *, operation: str, code: str, seconds: float, correlation_id: str, resource: str) -> None:
        if operation.startswith(("put_", "patch_", "delete_")):
            return
        is_expected = code.startswith("2") or code in ("404", "Cancelled")  # cancelled: we are stopping
        write = _log.debug if is_expected else _log.warning
        write(
            "azure read",
            operation=operation,
            code=code,
            seconds=round(seconds, 3),
            resource=resource,
            correlation_id=correlation_id,
        )


def _held_facts(held: Held) -> tuple[str, str, str, str]:
    return held.reason, type(held.change).__name__.lower(), subject_name(held.change), held.change.because


def _error_facts(error: Exception) -> dict[str, object]:
    if isinstance(error, FleetDNSError):
        return {"error": type(error).__name__, "code": error.code, "sentence": error.sentence}
    return {"error": type(error).__name__, "sentence": str(error)}
