"""Questions asked by creating an object: who am I, may I, and whose token is this. A known user may do everything."""

from __future__ import annotations

from typing import Any

from fleetdns.emulator.hub import status
from fleetdns.emulator.hub.discovery import REVIEWS
from fleetdns.emulator.hub.documents import normalized
from fleetdns.emulator.hub.routes import ResourcePath
from fleetdns.emulator.hub.status import Object
from fleetdns.emulator.hub.tokens import AUDIENCE, TokenIssuer, User


def is_review(path: ResourcePath) -> bool:
    at = (path.namespace, path.name)
    return at == (None, "") and (path.group, path.version, path.plural) in {review[:3] for review in REVIEWS}


def reviewed(path: ResourcePath, asked: object, *, user: User, tokens: TokenIssuer) -> Object:
    """The question with its answer in status. Raises StatusError 400."""
    question = normalized(asked)
    if not isinstance(question, dict):
        raise status.bad_request("the object provided is unrecognized")
    answered = _token_status(question, tokens) if path.plural == "tokenreviews" else _status(path.plural, user)
    return question | {"metadata": question.get("metadata") or {}, "status": answered}


def _status(plural: str, user: User) -> Object:
    match plural:
        case "selfsubjectreviews":
            return {"userInfo": _shown(user)}
        case "selfsubjectaccessreviews":
            return {"allowed": True, "reason": "every user of this server is its administrator"}
        case _:
            everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            pages = {"verbs": ["*"], "nonResourceURLs": ["*"]}
            return {"resourceRules": [everything], "nonResourceRules": [pages], "incomplete": False}


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
