"""Questions asked by creating an object: who am I, and may I. A user who got this far may do everything."""

from __future__ import annotations

from fleetdns.emulator.hub import status
from fleetdns.emulator.hub.discovery import REVIEWS
from fleetdns.emulator.hub.documents import normalized
from fleetdns.emulator.hub.routes import ResourcePath
from fleetdns.emulator.hub.status import Object

_GROUPS = ["system:masters", "system:authenticated"]


def is_review(path: ResourcePath) -> bool:
    at = (path.namespace, path.name)
    return at == (None, "") and (path.group, path.version, path.plural) in {review[:3] for review in REVIEWS}


def reviewed(path: ResourcePath, asked: object, *, user: str) -> Object:
    """The question with its answer in status. Raises StatusError 400."""
    question = normalized(asked)
    if not isinstance(question, dict):
        raise status.bad_request("the object provided is unrecognized")
    return question | {"metadata": question.get("metadata") or {}, "status": _status(path.plural, user)}


def _status(plural: str, user: str) -> Object:
    match plural:
        case "selfsubjectreviews":
            return {"userInfo": {"username": user, "groups": _GROUPS}}
        case "selfsubjectaccessreviews":
            return {"allowed": True, "reason": "every user of this server is its administrator"}
        case _:
            everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            pages = {"verbs": ["*"], "nonResourceURLs": ["*"]}
            return {"resourceRules": [everything], "nonResourceRules": [pages], "incomplete": False}
