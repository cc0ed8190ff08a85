"""Requests for objects: from an HTTP method on a path to one call of the hub, and back to an answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from fleetdns.emulator.hub import queries, shapes, status
from fleetdns.emulator.hub.answers import answer
from fleetdns.emulator.hub.authorization import Authorization
from fleetdns.emulator.hub.documents import JSON, PROTOBUF, YAML, Document, read_document
from fleetdns.emulator.hub.incoming import Options
from fleetdns.emulator.hub.negotiation import Form, negotiated
from fleetdns.emulator.hub.patches import APPLY, accepted_types
from fleetdns.emulator.hub.resources import Served
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.reviews import is_review, reviewed
from fleetdns.emulator.hub.routes import ResourcePath
from fleetdns.emulator.hub.status import Object, StatusError
from fleetdns.emulator.hub.streams import Streams
from fleetdns.emulator.hub.tokenrequests import is_token_request, requested
from fleetdns.emulator.hub.tokens import TokenIssuer, User
from fleetdns.emulator.hub.writes import Outcome

BODY_LIMIT = 3 * 1024 * 1024
# A watch without timeoutSeconds ends after 30 to 60 minutes.
_WATCH_SECONDS = (1800, 3600)


class Verbs:
    """The eight verbs on every kind; `chance` spreads the ends of watches."""

    def __init__(
        self,
        hub: Hub,
        streams: Streams,
        issuer: TokenIssuer,
        *,
        chance: random.Random,
        authorization: Authorization | None = None,
    ) -> None:
        self._hub = hub
        self._authorization = authorization
        self._streams = streams
        self._issuer = issuer
        self._chance = chance

    async def serve(
        self, request: web.BaseRequest, path: ResourcePath, user: User, *, ending: StatusError | None = None
    ) -> web.StreamResponse:
        """A watch ends at once with the error `ending`, if there is one. Raises StatusError."""
        if is_review(path):
            return await self._review(request, path, user)
        if is_token_request(path):
            return await self._token(request, path)
        served = self._hub.registry.find(path.group, path.version, path.plural)
        _check_path(served, path, request.method)
        match path.verb(request.method, watching=queries.is_watch(request.query)):
            case "get":
                return self._get(request, served, path)
            case "list":
                return self._list(request, served, path)
            case "watch":
                return await self._watch(request, served, path, ending)
            case "create":
                return await self._create(request, served, path)
            case "update":
                return await self._update(request, served, path)
            case "patch":
                return await self._patch(request, served, path)
            case "delete" | "deletecollection":
                return await self._delete(request, served, path)
            case _:
                raise status.method_not_allowed()

    async def _review(self, request: web.BaseRequest, path: ResourcePath, user: User) -> web.StreamResponse:
        if request.method != "POST":
            raise status.method_not_allowed()
        document = await _document(request)
        told = reviewed(path, document.value, user=user, tokens=self._issuer, authorization=self._authorization)
        return answer(request, told, code=201)

    async def _token(self, request: web.BaseRequest, path: ResourcePath) -> web.StreamResponse:
        if request.method != "POST":
            raise status.method_not_allowed()
        document = await _document(request)
        return answer(request, requested(self._hub, self._issuer, path, document.value), code=201)

    def _get(self, request: web.BaseRequest, served: Served, path: ResourcePath) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""))
        version = request.query.get("resourceVersion", "")
        obj = self._hub.get(
            served.group, served.version, served.plural, path.namespace, path.name, resource_version=version
        )
        return self._shown(request, served, form, Outcome(obj), [])

    def _list(self, request: web.BaseRequest, served: Served, path: ResourcePath) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""))
        listed = self._hub.list_with(served, path.namespace, queries.list_options(served, request.query))
        return answer(request, self._shaped_list(request, served, form, listed), media_type=form.media_type)

    def _shaped_list(self, request: web.BaseRequest, served: Served, form: Form, listed: Object) -> Object:
        return shapes.shaped_list(served, listed, form, now=self._hub.clock(), include=_include(request))

    async def _watch(
        self, request: web.BaseRequest, served: Served, path: ResourcePath, ending: StatusError | None
    ) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""), watching=True)
        timeout = self._chance.uniform(*_WATCH_SECONDS)
        options = queries.watch_options(served, request.query, default_timeout=timeout)
        line = shapes.event_line(served, form, clock=self._hub.clock, include=_include(request))
        watch = self._hub.watch_with(served, path.namespace, options)
        if ending is not None:
            watch.fail(ending)
        if form.shape == "partial list":
            # No event is a list: a real server ends the stream where it would send the first.
            watch.close()
        return await self._streams.serve(request, watch, plural=served.plural, line=line)

    async def _create(self, request: web.BaseRequest, served: Served, path: ResourcePath) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""))
        document = await _document(request, custom=served.custom)
        warnings = _warnings(served)
        options = _write_options(request, "CreateOptions", document, warnings)
        with _telling(warnings):
            outcome = self._hub.create_with(served, path.namespace, document.value, options)
        return self._shown(request, served, form, outcome, warnings)

    async def _update(self, request: web.BaseRequest, served: Served, path: ResourcePath) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""))
        document = await _document(request, custom=served.custom)
        warnings = _warnings(served)
        options = _write_options(request, "UpdateOptions", document, warnings)
        with _telling(warnings):
            outcome = self._hub.update_with(
                served, path.namespace, path.name, document.value, path.subresource, options
            )
        return self._shown(request, served, form, outcome, warnings)

    async def _patch(self, request: web.BaseRequest, served: Served, path: ResourcePath) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""))
        media_type = _media_type(request)
        if media_type not in accepted_types(served):
            raise status.unsupported_media_type(accepted_types(served))
        document = read_document(await body_of(request), media_type)
        warnings = _warnings(served)
        options = _write_options(request, "PatchOptions", document, warnings, apply=media_type == APPLY)
        with _telling(warnings):
            outcome = self._hub.patch_with(
                served, path.namespace, path.name, document.value, media_type, path.subresource, options
            )
        return self._shown(request, served, form, outcome, warnings)

    async def _delete(self, request: web.BaseRequest, served: Served, path: ResourcePath) -> web.StreamResponse:
        form = negotiated(request.headers.get("Accept", ""))
        body = await body_of(request)
        sent = read_document(body, _media_type(request)).value if body.strip() else None
        options = queries.delete_options(sent, request.query)
        if path.name:
            gone = self._hub.delete_with(served, path.namespace, path.name, options)
            return self._shown(request, served, form, Outcome(gone), [])
        listed = queries.list_options(served, request.query)
        before = self._hub.delete_all_with(served, path.namespace, listed, options)
        return answer(request, self._shaped_list(request, served, form, before), media_type=form.media_type)

    def _shown(
        self, request: web.BaseRequest, served: Served, form: Form, outcome: Outcome, warnings: list[str]
    ) -> web.StreamResponse:
        obj = shapes.shaped(served, outcome.obj, form, now=self._hub.clock(), include=_include(request))
        code = 201 if outcome.created else 200
        return answer(request, obj, code=code, media_type=form.media_type, warnings=warnings)


def _check_path(served: Served, path: ResourcePath, method: str) -> None:
    """Refuse what no verb of this kind can mean. Raises StatusError."""
    verb = path.verb(method)
    if verb not in served.verbs or (method == "HEAD" and not served.custom):
        raise status.method_not_allowed()
    across = verb in ("list", "watch") and path.namespace is None
    if served.namespaced is not (path.namespace is not None) and not (served.namespaced and across):
        if served.custom:
            raise status.PageNotFound
        raise status.method_not_allowed() if verb == "create" and not path.name else status.resource_not_found()
    if path.subresource and path.subresource not in served.subresources:
        raise served.not_found(path.name) if served.custom else status.resource_not_found()
    misplaced = (verb in ("update", "patch") and not path.name) or (verb in ("create", "delete") and path.subresource)
    if served.custom:
        if verb in ("update", "patch") and not path.name:
            raise status.bad_request("name must be provided")
        if misplaced:
            raise status.method_not_supported(served.group, served.plural, verb)
    elif misplaced or (verb == "create" and path.name):
        raise status.method_not_allowed()


async def body_of(request: web.BaseRequest) -> bytes:
    """The whole body. Raises StatusError: 413 over the limit, 400 if it cannot be read."""
    if (request.content_length or 0) > BODY_LIMIT:
        raise status.too_large_body(BODY_LIMIT)
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise status.too_large_body(BODY_LIMIT)
    except web.RequestPayloadError as error:
        raise status.bad_request("the body of the request could not be read") from error
    return bytes(body)


def _write_options(
    request: web.BaseRequest, kind: str, document: Document, warnings: list[str], *, apply: bool = False
) -> Options:
    return queries.write_options(
        kind,
        request.query,
        user_agent=request.headers.get("User-Agent", ""),
        duplicates=document.duplicates,
        warn=warnings.append,
        apply=apply,
    )


async def _document(request: web.BaseRequest, *, custom: bool = False) -> Document:
    media_type = _media_type(request)
    if custom and media_type == PROTOBUF:
        raise status.unsupported_media_type((JSON, YAML, PROTOBUF))
    return read_document(await body_of(request), media_type)


def _media_type(request: web.BaseRequest) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _include(request: web.BaseRequest) -> str:
    return request.query.get("includeObject", "Metadata")


def _warnings(served: Served) -> list[str]:
    return [served.deprecation] if served.deprecation else []


@contextmanager
def _telling(warnings: list[str]) -> Iterator[None]:
    """What was warned of so far is told with a refusal too."""
    try:
        yield
    except StatusError as error:
        error.warnings = tuple(warnings)
        raise
