"""The query parameters of a request as the options they mean; contradictions and nonsense are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from fleetdns.emulator.hub import fields, status
from fleetdns.emulator.hub.deletions import DeleteOptions
from fleetdns.emulator.hub.incoming import Options
from fleetdns.emulator.hub.reads import ListOptions
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.rest import selection_of
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.watches import WatchOptions

Query = Mapping[str, str]

_POLICIES = ("Foreground", "Background", "Orphan")
_VALIDATIONS = ("", "Ignore", "Strict", "Warn")


def is_watch(query: Query) -> bool:
    return flag(query, "watch") or False


def flag(query: Query, name: str) -> bool | None:
    """A boolean as the server reads it: any word but 0 and false is true, even an empty one; None if not given."""
    word = query.get(name)
    return None if word is None else word.lower() not in ("0", "false")


def list_options(served: Served, query: Query) -> ListOptions:
    _number(query, "timeoutSeconds")
    return ListOptions(
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        limit=_number(query, "limit"),
        continue_token=query.get("continue", ""),
        send_initial_events=flag(query, "sendInitialEvents"),
        selection=selection_of(served, query.get("labelSelector", ""), query.get("fieldSelector", "")),
    )


def watch_options(served: Served, query: Query, *, default_timeout: float) -> WatchOptions:
    timeout = _number(query, "timeoutSeconds")
    return WatchOptions(
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        bookmarks=flag(query, "allowWatchBookmarks") or False,
        send_initial_events=flag(query, "sendInitialEvents"),
        continue_token=query.get("continue", ""),
        selection=selection_of(served, query.get("labelSelector", ""), query.get("fieldSelector", "")),
        timeout=float(timeout) if timeout else default_timeout,
    )


def write_options(
    kind: str, query: Query, *, user_agent: str, duplicates: tuple[str, ...], warn: Callable[[str], None], apply: bool
) -> Options:
    """kind is the word for these options in a refusal: CreateOptions, UpdateOptions or PatchOptions."""
    validation = query.get("fieldValidation") or "Warn"
    manager = query.get("fieldManager", "")
    errors = list(_dry_run_errors([query["dryRun"]] if "dryRun" in query else []))
    if validation not in _VALIDATIONS:
        errors.append(fields.not_supported("fieldValidation", validation, _VALIDATIONS))
    if len(manager.encode()) > 128:
        errors.append(fields.too_long("fieldManager", 128))
    if errors:
        raise status.invalid_options(kind, *errors)
    if not manager and not apply:
        manager = _manager_of(user_agent)
    return Options(
        manager=manager,
        dry_run=query.get("dryRun") == "All",
        field_validation=validation,
        force=flag(query, "force") or False,
        duplicates=duplicates,
        warn=warn,
    )


def delete_options(body: Any, query: Query) -> DeleteOptions:
    """The options in the body if there is one, else those of the query."""
    wanted = _delete_document(body)
    if body is None:
        names = ("propagationPolicy", "gracePeriodSeconds", "orphanDependents")
        wanted = {name: query[name] for name in names if name in query}
        wanted["dryRun"] = [query["dryRun"]] if "dryRun" in query else []
    dry_run = wanted.get("dryRun") or []
    policy = wanted.get("propagationPolicy") or ""
    errors = list(_dry_run_errors(dry_run))
    orphaning = str(wanted.get("orphanDependents") or "").lower()
    if policy not in ("", *_POLICIES):
        errors.append(fields.not_supported("propagationPolicy", policy, (*_POLICIES, "nil")))
    elif policy and orphaning:
        why = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(fields.invalid("propagationPolicy", policy, why))
    if errors:
        raise status.invalid_options("DeleteOptions", *errors)
    if orphaning == "true":
        policy = "Orphan"
    preconditions = wanted.get("preconditions")
    preconditions = preconditions if isinstance(preconditions, dict) else {}
    return DeleteOptions(
        uid=str(preconditions.get("uid") or ""),
        resource_version=str(preconditions.get("resourceVersion") or ""),
        propagation=policy,
        dry_run=bool(dry_run),
    )


def _delete_document(body: Any) -> Object:
    """Raises StatusError 400 for a body that is something else."""
    if body is None:
        return {}
    if not isinstance(body, dict):
        raise status.bad_request(f"couldn't get version/kind; json parse error: {type(body).__name__} is no object")
    kind = body.get("kind") or "DeleteOptions"
    if kind != "DeleteOptions":
        version = body.get("apiVersion") or "v1"
        raise status.bad_request(f'no kind "{kind}" is registered for version "{version}"')
    return body


def _dry_run_errors(values: Any) -> list[fields.FieldError]:
    words = values if isinstance(values, list) else [values]
    return [] if all(word == "All" for word in words) else [fields.not_supported("dryRun", words, ("All",))]


def _number(query: Query, name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII):
        raise status.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text)


def _manager_of(user_agent: str) -> str:
    """The name a client goes by if it gives no fieldManager: what stands before the first slash."""
    name = "".join(char for char in user_agent.partition("/")[0] if char.isprintable())
    return name.encode()[:128].decode(errors="ignore") or "unknown"
