"""`POST .../serviceaccounts/NAME/token`: a token for a ServiceAccount, as `kubectl create token` asks for it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from fleetdns.emulator.hub import fields, status
from fleetdns.emulator.hub.documents import normalized
from fleetdns.emulator.hub.rest import Hub
from fleetdns.emulator.hub.routes import ResourcePath
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.store import Key
from fleetdns.emulator.hub.tokens import AUDIENCE, Bond, TokenIssuer, User

GROUP, VERSION, KIND = "authentication.k8s.io", "v1", "TokenRequest"
_HOUR = 3600
_SHORTEST, _LONGEST = 600, 2**32


def is_token_request(path: ResourcePath) -> bool:
    at = (path.group, path.version, path.plural, path.subresource)
    return at == ("", "v1", "serviceaccounts", "token") and path.namespace is not None


def requested(hub: Hub, issuer: TokenIssuer, path: ResourcePath, body: Any) -> Object:
    """The request with its token in status. Raises StatusError: 400, 404, 409, 422."""
    request = _read(body, path)
    account = hub.get("", "v1", "serviceaccounts", path.namespace, path.name)
    metadata, spec = request["metadata"], request["spec"]
    uid = account["metadata"]["uid"]
    if metadata.get("uid", uid) != uid:
        why = f"the UID in the token request ({metadata['uid']}) does not match the UID of the service account ({uid})"
        raise status.conflict(GROUP, KIND, path.name, why)
    seconds = _lifetime(spec)
    reference = spec.get("boundObjectRef")
    bonds = (Bond("serviceaccounts", Key(path.namespace or "", path.name), uid), *_bonds(hub, path, reference))
    audiences = list(spec.get("audiences") or (AUDIENCE,))
    token = issuer.issue(_user(path, uid), seconds=seconds, audiences=audiences, bonds=bonds)
    now = hub.clock()
    named = {"name": path.name, "namespace": path.namespace, "uid": uid, "creationTimestamp": _time(now)}
    return {
        "kind": KIND,
        "apiVersion": f"{GROUP}/{VERSION}",
        "metadata": named,
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": reference},
        "status": {"token": token, "expirationTimestamp": _time(now + seconds)},
    }


def _read(body: Any, path: ResourcePath) -> Object:
    request = normalized(body)
    if not isinstance(request, dict):
        raise status.bad_request(f"the object provided is unrecognized (must be of type {KIND})")
    kind, api_version = request.get("kind", KIND), request.get("apiVersion", f"{GROUP}/{VERSION}")
    metadata, spec = request.get("metadata") or {}, request.get("spec") or {}
    known = isinstance(metadata, dict) and isinstance(spec, dict)
    if (kind, api_version) != (KIND, f"{GROUP}/{VERSION}") or not known:
        raise status.bad_request(f'{kind} in version "{VERSION}" cannot be handled as a {KIND}: unknown conversion')
    if metadata.get("namespace", path.namespace) != path.namespace:
        why = "the namespace of the provided object does not match the namespace sent on the request"
        raise status.bad_request(why)
    if metadata.get("name", path.name) != path.name:
        why = "must match the service account name if specified"
        raise status.invalid(GROUP, KIND, path.name, (fields.invalid("metadata.name", metadata["name"], why),))
    return {"metadata": metadata, "spec": spec}


def _lifetime(spec: Object) -> int:
    seconds = spec.get("expirationSeconds", _HOUR)
    if not isinstance(seconds, int) or isinstance(seconds, bool):
        raise status.bad_request(
            f'{KIND} in version "{VERSION}" cannot be handled as a {KIND}: spec.expirationSeconds is no int64'
        )
    why = ""
    if seconds < _SHORTEST:
        why = "may not specify a duration less than 10 minutes"
    elif seconds > _LONGEST:
        why = "may not specify a duration larger than 2^32 seconds"
    if why:
        raise status.invalid(GROUP, KIND, "", (fields.invalid("spec.expirationSeconds", seconds, why),))
    return seconds


def _bonds(hub: Hub, path: ResourcePath, reference: Any) -> tuple[Bond, ...]:
    """What else the token is to end with: a Secret. There are no pods here."""
    if not isinstance(reference, dict):
        return ()
    name, version = str(reference.get("name", "")), reference.get("apiVersion")
    if (version, reference.get("kind")) == ("v1", "Pod"):
        raise status.not_found("", "pods", name)
    if (version, reference.get("kind")) != ("v1", "Secret"):
        what = f"/{version or ''}, Kind={reference.get('kind') or ''}"
        raise status.bad_request(f"cannot bind token to object of type {what}")
    uid = hub.get("", "v1", "secrets", path.namespace, name)["metadata"]["uid"]
    if reference.get("uid", uid) != uid:
        why = (
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict("", "Secret", name, why)
    return (Bond("secrets", Key(path.namespace or "", name), uid),)


def _user(path: ResourcePath, uid: str) -> User:
    accounts = "system:serviceaccounts"
    name = f"system:serviceaccount:{path.namespace}:{path.name}"
    return User(name, uid, (accounts, f"{accounts}:{path.namespace}", "system:authenticated"))


def _time(moment: float) -> str:
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
