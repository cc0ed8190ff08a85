"""Questions asked by creating an object: who am I, may I, and whose token is this.

A known user may do everything where rights are not enforced.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fleetdns.emulator.hub import status
from fleetdns.emulator.hub.authorization import Attempt, Authorization
from fleetdns.emulator.hub.discovery import REVIEWS
from fleetdns.emulator.hub.documents import normalized
from fleetdns.emulator.hub.routes import ResourcePath
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.tokens import AUDIENCE, TokenIssuer, User


def is_review(path: ResourcePath) -> bool:
    at = (path.namespace, path.name)
    return at == (None, "") and (path.group, path.version, path.plural) in {review[:3] for review in REVIEWS}


def reviewed(
    path: ResourcePath, asked: object, *, user: User, tokens: TokenIssuer, authorization: Authorization | None = None
) -> Object:
    """The question with its answer in status. Raises StatusError 400."""
    question = normalized(asked)
    if not isinstance(question, dict):
        raise status.bad_request("the object provided is unrecognized")
    return question | {
        "metadata": question.get("metadata") or {},
        "status": _status(path.plural, question, user, tokens, authorization),
    }


def _status(
    plural: str, question: Object, user: User, tokens: TokenIssuer, authorization: Authorization | None
) -> Object:
    spec: Any = question.get("spec") or {}
    match plural:
        case "tokenreviews":
            return _token_status(question, tokens)
        case "selfsubjectreviews":
            return {"userInfo": _shown(user)}
        case "selfsubjectaccessreviews":
            if authorization is None:
                return {"allowed": True, "reason": "every user of this server is its administrator"}
            verdict = authorization.judged(user, _attempt(spec))
            return {"allowed": verdict.is_allowed} | ({"reason": verdict.why} if verdict.why else {})
        case _:
            rules = _EVERYTHING if authorization is None else authorization.rules(user, str(spec.get("namespace", "")))
            return _sorted_out(rules)


_EVERYTHING: tuple[Object, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)


def _attempt(spec: Object) -> Attempt:
    """What is asked about. Raises StatusError 400."""
    page, wanted = spec.get("nonResourceAttributes"), spec.get("resourceAttributes")
    if isinstance(page, dict):
        return Attempt(str(page.get("verb", "")), path=str(page.get("path", "")))
    if not isinstance(wanted, dict):
        raise status.bad_request("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    verb, group, resource, part, namespace, name = (
        str(wanted.get(word, "")) for word in ("verb", "group", "resource", "subresource", "namespace", "name")
    )
    return Attempt(verb, group, f"{resource}/{part}" if part else resource, namespace, name)


def _sorted_out(rules: Iterable[Object]) -> Object:
    """Rules on objects, and rules on the server's pages."""
    found = list(rules)
    return {
        "resourceRules": [rule for rule in found if "nonResourceURLs" not in rule],
        "nonResourceRules": [rule for rule in found if "nonResourceURLs" in rule],
        "incomplete": False,
    }


def _token_status(question: Object, tokens: TokenIssuer) -> Object:
    spec: Any = question.get("spec")
    token = spec.get("token") if isinstance(spec, dict) else None
    if not token or not isinstance(token, str):
        raise status.bad_request("token is required for TokenReview in authentication")
    audiences = [word for word in spec.get("audiences") or (AUDIENCE,) if isinstance(word, str)]
    user = tokens.user_of(token, audiences)
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": _shown(user), "audiences": audiences}


def _shown(user: User) -> Object:
    return {"username": user.name, "groups": list(user.groups)} | ({"uid": user.uid} if user.uid else {})
