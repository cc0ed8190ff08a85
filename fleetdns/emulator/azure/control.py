"""The operator's levers over HTTP, so that another process can steer and read the emulator. JSON in, JSON out.

method and path                | body or query                                | does
GET    /_emulator/profiles     |                                              | every profile as a GET would answer it
GET    /_emulator/calls        | ?since=MARK                                  | {mark, counts, calls}
GET    /_emulator/faults       |                                              | {number: fault}
POST   /_emulator/faults       | the fields of a Fault                        | adds one, answers {number}
DELETE /_emulator/faults       | ?number=N                                    | removes one, or all
PUT    /_emulator/public-ips   | {id, fqdn, address?, location?, tags?}       | registers one; fqdn null: no DNS label
DELETE /_emulator/public-ips   | {id}                                         | forgets one
PUT    /_emulator/probes       | {profile, endpoint?, status}                 | what probes find at endpoints
PUT    /_emulator/probes       | {target, status}                             | what probes find at a target
POST   /_emulator/tamper       | {method, path, body?}                        | a change by somebody else
PUT    /_emulator/names        | {name}                                       | another tenant takes a DNS name
DELETE /_emulator/names        | {name}                                       | and gives it back
PUT    /_emulator/locks        | {scope}                                      | nothing there can be deleted
DELETE /_emulator/locks        | {scope}                                      | until this
DELETE /_emulator/registration | {subscription}                               | forgets Microsoft.Network in it
GET    /_emulator/behaviour    |                                              | the switches
PATCH  /_emulator/behaviour    | some of the switches                         | changes them
"""

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

from fleetdns.emulator.azure.errors import ArmError
from fleetdns.emulator.azure.exchange import Request, Response
from fleetdns.emulator.azure.faults import Fault
from fleetdns.emulator.azure.service import TrafficManagerService

PREFIX = "/_emulator/"

Body = dict[str, Any]
Lever = Callable[[TrafficManagerService, Request, Body], object]


def control(service: TrafficManagerService, request: Request) -> Response:
    """Answer one control request: 200 with JSON, 400 for a bad body, 404 for no such lever."""
    lever = _LEVERS.get((request.method, request.path.removeprefix(PREFIX)))
    if lever is None:
        return _answer(404, {"error": f"no {request.method} {request.path}"})
    try:
        body = json.loads(request.body) if request.body else {}
        if not isinstance(body, dict):
            return _answer(400, {"error": "the body must be a JSON object"})
        return _answer(200, lever(service, request, body))
    except ArmError as error:
        return _answer(error.status, {"error": {"code": error.code, "message": error.message}})
    except (ValueError, TypeError, LookupError) as error:
        return _answer(400, {"error": f"{type(error).__name__}: {error}"})


def _answer(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value, default=_plain).encode())


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"not JSON: {value!r}")


def _calls(service: TrafficManagerService, request: Request, _body: Body) -> object:
    since = int(request.parameter("since") or 0)
    return {"mark": service.mark(), "counts": service.calls.counts, "calls": service.calls_since(since)}


def _remove_fault(service: TrafficManagerService, request: Request, _body: Body) -> object:
    number = request.parameter("number")
    if number is None:
        service.clear_faults()
    else:
        service.remove_fault(int(number))
    return service.faults()


def _set_public_ip(service: TrafficManagerService, _request: Request, body: Body) -> object:
    options = {name: body[name] for name in ("address", "location", "tags") if body.get(name) is not None}
    return service.set_public_ip(body["id"], body["fqdn"], **options)


def _set_probe(service: TrafficManagerService, _request: Request, body: Body) -> object:
    if "target" in body:
        service.set_target_probe(body["target"], body["status"])
    else:
        service.set_probe(body["profile"], body.get("endpoint"), body["status"])
    return {}


def _tamper(service: TrafficManagerService, _request: Request, body: Body) -> object:
    return service.tamper(body["method"], body["path"], body.get("body"))


def _change_behaviour(service: TrafficManagerService, _request: Request, body: Body) -> object:
    sets: Mapping[str, Any] = {
        name: frozenset(body[name]) for name in ("groups", "subscriptions") if body.get(name) is not None
    }
    service.behaviour = dataclasses.replace(service.behaviour, **{**body, **sets})
    return service.behaviour


def _naming(act: Callable[[TrafficManagerService, str], None], key: str) -> Lever:
    """A lever that takes one string out of the body."""

    def lever(service: TrafficManagerService, _request: Request, body: Body) -> object:
        act(service, body[key])
        return {}

    return lever


_LEVERS: Mapping[tuple[str, str], Lever] = {
    ("GET", "profiles"): lambda service, _request, _body: {"profiles": service.profiles()},
    ("GET", "calls"): _calls,
    ("GET", "faults"): lambda service, _request, _body: service.faults(),
    ("POST", "faults"): lambda service, _request, body: {"number": service.add_fault(Fault(**body))},
    ("DELETE", "faults"): _remove_fault,
    ("PUT", "public-ips"): _set_public_ip,
    ("DELETE", "public-ips"): _naming(TrafficManagerService.remove_public_ip, "id"),
    ("PUT", "probes"): _set_probe,
    ("POST", "tamper"): _tamper,
    ("PUT", "names"): _naming(TrafficManagerService.take_name, "name"),
    ("DELETE", "names"): _naming(TrafficManagerService.release_name, "name"),
    ("PUT", "locks"): _naming(TrafficManagerService.lock, "scope"),
    ("DELETE", "locks"): _naming(TrafficManagerService.unlock, "scope"),
    ("DELETE", "registration"): _naming(TrafficManagerService.unregister, "subscription"),
    ("GET", "behaviour"): lambda service, _request, _body: service.behaviour,
    ("PATCH", "behaviour"): _change_behaviour,
}
