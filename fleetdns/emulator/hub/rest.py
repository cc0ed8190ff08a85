"""The hub: a Kubernetes API server without the network, synchronous, on an injected clock and seeded chance.

It starts with the namespaces `default` and `kube-system` and no custom kinds. There are no controllers behind it:
a deleted namespace stays Terminating, and owner references do not cascade. Every refusal is a StatusError.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from fleetdns.emulator.hub import reads, selectors
from fleetdns.emulator.hub.allocations import Allocations
from fleetdns.emulator.hub.authorization import Authorization
from fleetdns.emulator.hub.definitions import Definitions
from fleetdns.emulator.hub.deletions import DeleteOptions, Deletions
from fleetdns.emulator.hub.incoming import Options
from fleetdns.emulator.hub.kinds import builtin_served
from fleetdns.emulator.hub.patches import APPLY, Patches
from fleetdns.emulator.hub.reads import ListOptions
from fleetdns.emulator.hub.registry import Registry
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.selectors import Selection
from fleetdns.emulator.hub.status import Object, StatusError
from fleetdns.emulator.hub.store import Key, Store
from fleetdns.emulator.hub.watches import Watch, WatchOptions, refuse_contradictions
from fleetdns.emulator.hub.writes import Outcome, Writes

__all__ = ["Hub", "StatusError", "Watch"]

_INSTALLER = "fleetdns-install"


class Hub:
    """Kinds are named by group, version and plural; objects are plain dicts, each one a private copy.

    clock gives unix seconds; bookmark_interval is in seconds; history is how many changes can be watched from.
    watch_list is the feature gate of that name, version the Kubernetes version it claims to be.
    """

    version = "v1.35.4"

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        random: random.Random,
        bookmark_interval: float = 60.0,
        history: int = 10_000,
        watch_list: bool = True,
    ) -> None:
        self.clock = clock
        self.watch_list = watch_list
        self.bookmark_interval = bookmark_interval
        self.store = Store(history=history)
        self.registry = Registry(builtin_served())
        self.authorization = Authorization(self.store)
        self._allocations = Allocations(self.store, random)
        granted = self._allocations.granted
        self._writes = Writes(self.store, clock=clock, chance=random, granted=granted, stored=self._stored)
        self._patches = Patches(self.store, self._writes)
        self._deletions = Deletions(self.store, now=self._writes.now, stored=self._stored)
        self._definitions = Definitions(self.store, self.registry, now=self._writes.now, delete=self._delete_quietly)
        for namespace in ("default", "kube-system", "kube-public", "kube-node-lease"):
            self.install({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})

    def create(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        obj: Object,
        *,
        manager: str = "",
        dry_run: bool = False,
        field_validation: str = "Warn",
    ) -> Object:
        """The object as stored. Raises StatusError: 400, 403, 404, 405, 409, 422, 500."""
        options = Options(manager=manager, dry_run=dry_run, field_validation=field_validation)
        return self.create_with(self.registry.find(group, version, plural), namespace, obj, options).obj

    def get(
        self, group: str, version: str, plural: str, namespace: str | None, name: str, *, resource_version: str = ""
    ) -> Object:
        """Raises StatusError: 404, 504 for a version that is yet to come."""
        return reads.get_object(
            self.store, self.registry.find(group, version, plural), namespace, name, resource_version
        )

    def list(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        *,
        resource_version: str = "",
        match: str = "",
        limit: int | None = None,
        continue_token: str = "",
        label_selector: str = "",
        field_selector: str = "",
    ) -> Object:
        """A List object; namespace None means all. Raises StatusError: 400, 404, 410 Expired, 422, 504."""
        served = self.registry.find(group, version, plural)
        selection = selection_of(served, label_selector, field_selector)
        options = ListOptions(resource_version, match, limit, continue_token, selection=selection)
        return reads.list_objects(self.store, served, namespace, options)

    def update(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        name: str,
        obj: Object,
        *,
        subresource: str = "",
        manager: str = "",
        dry_run: bool = False,
        field_validation: str = "Warn",
    ) -> Object:
        """The object as stored now. Raises StatusError: 400, 404, 409, 422, 500."""
        options = Options(manager=manager, dry_run=dry_run, field_validation=field_validation)
        served = self.registry.find(group, version, plural)
        return self.update_with(served, namespace, name, obj, subresource, options).obj

    def patch(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        name: str,
        body: Any,
        *,
        content_type: str = "application/merge-patch+json",
        subresource: str = "",
        manager: str = "",
        force: bool = False,
        dry_run: bool = False,
        field_validation: str = "Warn",
    ) -> Object:
        """The object as stored now; body is a dict, for JSON patch a list. Raises StatusError: 400 to 422, 500."""
        options = Options(manager=manager, dry_run=dry_run, field_validation=field_validation, force=force)
        served = self.registry.find(group, version, plural)
        return self.patch_with(served, namespace, name, body, content_type, subresource, options).obj

    def delete(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        name: str,
        *,
        preconditions: Object | None = None,
        propagation: str = "",
        dry_run: bool = False,
    ) -> Object:
        """The object while finalizers hold it, else a Status; preconditions has uid and resourceVersion.

        Raises StatusError: 404, 409.
        """
        wanted = preconditions or {}
        options = DeleteOptions(wanted.get("uid", ""), wanted.get("resourceVersion", ""), propagation, dry_run)
        return self.delete_with(self.registry.find(group, version, plural), namespace, name, options)

    def delete_collection(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        *,
        label_selector: str = "",
        field_selector: str = "",
    ) -> Object:
        """Deletes all that the selectors take; the answer is the list as it was before."""
        served = self.registry.find(group, version, plural)
        selection = selection_of(served, label_selector, field_selector)
        return self.delete_all_with(served, namespace, ListOptions(selection=selection), DeleteOptions())

    def watch(
        self,
        group: str,
        version: str,
        plural: str,
        namespace: str | None,
        *,
        resource_version: str = "",
        bookmarks: bool = True,
        send_initial_events: bool = False,
        label_selector: str = "",
        field_selector: str = "",
        timeout: float | None = None,
    ) -> Watch:
        """Events since resource_version ("" and "0": the present state first). Raises StatusError: 400, 404, 500, 504.

        A version too old is no error here but an ERROR event, as over HTTP.
        """
        served = self.registry.find(group, version, plural)
        options = WatchOptions(
            resource_version=resource_version,
            match="NotOlderThan" if send_initial_events else "",
            bookmarks=bookmarks,
            send_initial_events=True if send_initial_events else None,
            selection=selection_of(served, label_selector, field_selector),
            timeout=timeout,
        )
        return self.watch_with(served, namespace, options)

    def install(self, manifest: Object) -> Object:
        """Apply one manifest by force, as `kubectl apply --server-side` does; its namespace must exist."""
        served = self.registry.of_manifest(manifest)
        metadata = manifest.get("metadata") or {}
        namespace = metadata.get("namespace", "default") if served.namespaced else None
        options = Options(manager=_INSTALLER, force=True)
        return self.patch_with(served, namespace, str(metadata.get("name", "")), manifest, APPLY, "", options).obj

    def compact(self) -> None:
        """Forget all history: versions seen so far can no longer be listed, continued or watched from."""
        self.store.compact()

    def create_with(self, served: Served, namespace: str | None, body: Any, options: Options) -> Outcome:
        return self._writes.create(served, namespace, body, options)

    def update_with(
        self, served: Served, namespace: str | None, name: str, body: Any, subresource: str, options: Options
    ) -> Outcome:
        self._check_subresource(served, name, subresource)
        return self._writes.update(served, namespace, name, body, options, subresource)

    def patch_with(
        self,
        served: Served,
        namespace: str | None,
        name: str,
        body: Any,
        content_type: str,
        subresource: str,
        options: Options,
    ) -> Outcome:
        self._check_subresource(served, name, subresource)
        return self._patches.patch(
            served, namespace, name, body, content_type=content_type, subresource=subresource, options=options
        )

    def delete_with(self, served: Served, namespace: str | None, name: str, options: DeleteOptions) -> Object:
        return self._deletions.delete(served, namespace, name, options)

    def list_with(self, served: Served, namespace: str | None, options: ListOptions) -> Object:
        return reads.list_objects(self.store, served, namespace, options)

    def delete_all_with(
        self, served: Served, namespace: str | None, listed: ListOptions, options: DeleteOptions
    ) -> Object:
        return self._deletions.delete_collection(
            served, reads.list_objects(self.store, served, namespace, listed), options
        )

    def watch_with(self, served: Served, namespace: str | None, options: WatchOptions) -> Watch:
        refuse_contradictions(options, watch_list=self.watch_list)
        return Watch(
            self.store,
            served,
            namespace,
            options,
            clock=self.clock,
            bookmark_interval=self.bookmark_interval,
            watch_list=self.watch_list,
        )

    def _stored(self, served: Served, key: Key) -> None:
        self._allocations.stored(served, key)
        self.authorization.stored(served)
        self._definitions.stored(served, key)

    def _delete_quietly(self, served: Served, namespace: str | None, name: str) -> object:
        return self._deletions.delete(served, namespace, name, DeleteOptions())

    def _check_subresource(self, served: Served, name: str, subresource: str) -> None:
        if subresource and subresource not in served.subresources:
            raise served.not_found(name)


def selection_of(served: Served, label_selector: str, field_selector: str) -> Selection:
    """Both selectors, as this kind offers them. Raises StatusError 400."""
    return selectors.parse_selection(label_selector, field_selector, offered=served.offered)
