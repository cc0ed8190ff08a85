"""Kubernetes' own words for a refusal: the Status object, its reasons, details and causes.

Every refusal of the hub is a StatusError; its texts are those of a real API server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fleetdns.emulator.hub.fields import FieldError, aggregate

Object = dict[str, Any]


class StatusError(Exception):
    """A request the hub refuses.

    code is the HTTP status, reason Kubernetes' word for it, details the JSON object of that name
    (None leaves it out), retry_after the seconds to wait, metadata the ListMeta of the Status, warnings what the
    request was warned of before it was refused.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Object | None = None,
        *,
        retry_after: int | None = None,
        metadata: Object | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after = retry_after
        self.metadata = metadata or {}
        self.warnings: tuple[str, ...] = ()

    def status(self) -> Object:
        """The Status object as it stands in an answer's body or in an ERROR event."""
        status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": self.metadata, "status": "Failure"}
        if self.message:
            status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        return status | {"code": self.code}


class PageNotFound(StatusError):
    """A path nobody serves: over HTTP it is plain text and no Status at all."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "404 page not found", {})


def success(details: Object) -> Object:
    """The Status a finished deletion answers."""
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


def qualified(word: str, group: str) -> str:
    """`plural.group`, or the plural alone in the core group."""
    return f"{word}.{group}" if group else word


def details_of(group: str, kind: str, name: str = "", **more: Any) -> Object:
    """Details with the empty members left out, in the order a real server has them."""
    known = {"name": name, "group": group, "kind": kind} | more
    return {key: value for key, value in known.items() if value}


def not_found(group: str, plural: str, name: str) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, details_of(group, plural, name))


def resource_not_found() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, plural: str, name: str, *, deleting: bool = False) -> StatusError:
    prefix = "object is being deleted: " if deleting else ""
    message = f'{prefix}{qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details_of(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details_of(group, plural, name))


def modified(group: str, plural: str, name: str) -> StatusError:
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(group, plural, name, why)


def another(group: str, plural: str, name: str, *, path: str, uid: str, real: str) -> StatusError:
    """The uid of a write is not that of the object; `real` is empty where there is none."""
    why = (
        f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {uid}, UID in object meta: {real}"
    )
    return conflict(group, plural, name, why)


def invalid(group: str, kind: str, name: str, errors: Iterable[FieldError]) -> StatusError:
    errors = tuple(errors)
    causes = [{"reason": error.reason, "message": error.message, "field": error.field} for error in errors]
    message = f'{qualified(kind, group)} "{name}" is invalid: {aggregate(errors)}'
    return StatusError(422, "Invalid", message, details_of(group, kind, name, causes=causes))


def invalid_options(kind: str, *errors: FieldError) -> StatusError:
    """Query parameters that contradict each other."""
    return invalid("meta.k8s.io", kind, "", errors)


def unprocessable_patch() -> StatusError:
    return StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {})


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def internal(message: str) -> StatusError:
    """What a real server answers where it did not foresee the mistake: a 500 without a reason."""
    return StatusError(500, "", message)


def forbidden(group: str, plural: str, name: str, why: str, **more: Any) -> StatusError:
    named = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    return StatusError(403, "Forbidden", f"{named} is forbidden: {why}", details_of(group, plural, name, **more))


def namespace_terminating(group: str, plural: str, name: str, namespace: str) -> StatusError:
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {namespace} is being terminated",
        "field": "metadata.namespace",
    }
    why = f"unable to create new content in namespace {namespace} because it is being terminated"
    return forbidden(group, plural, name, why, causes=[cause])


def forbidden_path(user: str, verb: str, path: str) -> StatusError:
    return StatusError(403, "Forbidden", f'forbidden: User "{user}" cannot {verb} path "{path}"', {})


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_supported(group: str, plural: str, verb: str) -> StatusError:
    message = f'{verb} is not supported on resources of kind "{qualified(plural, group)}"'
    return StatusError(405, "MethodNotAllowed", message, details_of(group, plural))


def method_not_allowed() -> StatusError:
    return StatusError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def expired(message: str, metadata: Object | None = None) -> StatusError:
    return StatusError(410, "Expired", message, metadata=metadata)


def too_large_version(asked: int, current: int) -> StatusError:
    message = f"Timeout: Too large resource version: {asked}, current: {current}"
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    return StatusError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1}, retry_after=1)


def too_many_requests(retry_after: int, message: str) -> StatusError:
    return StatusError(429, "TooManyRequests", message, {"retryAfterSeconds": retry_after}, retry_after=retry_after)


def too_large_body(limit: int) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unsupported_media_type(accepted: Iterable[str]) -> StatusError:
    message = "the body of the request was in an unknown format - accepted media types include: "
    return StatusError(415, "UnsupportedMediaType", message + ", ".join(accepted))


def not_acceptable(accepted: Iterable[str]) -> StatusError:
    message = "only the following media types are accepted: " + ", ".join(accepted)
    return StatusError(406, "NotAcceptable", message)


def unfit(message: str) -> StatusError:
    """An answer that has no such shape."""
    return StatusError(406, "NotAcceptable", message)


def apply_conflict(message: str, causes: Iterable[Mapping[str, str]]) -> StatusError:
    return StatusError(409, "Conflict", message, {"causes": [dict(cause) for cause in causes]})
