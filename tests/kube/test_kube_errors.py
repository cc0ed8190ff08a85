"""Which class a refused write stands for."""

from __future__ import annotations

import pytest

from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Rejected, Throttled, Transient
from fleetdns.kube.errors import Refused, Unreachable, refused, write_error


@pytest.mark.parametrize(
    ("error", "expected", "code"),
    [
        pytest.param(Refused(409, reason="Conflict"), Conflict, "Conflict", id="an old version"),
        pytest.param(Refused(409, reason="AlreadyExists"), Conflict, "AlreadyExists", id="there already"),
        pytest.param(Refused(401, reason="Unauthorized"), Forbidden, "Unauthorized", id="a token that is no good"),
        pytest.param(Refused(403, reason="Forbidden"), Forbidden, "Forbidden", id="a right that is missing"),
        pytest.param(
            Refused(403, reason="Forbidden", causes=frozenset({"NamespaceTerminating"})),
            Rejected,
            "NamespaceTerminating",
            id="a namespace that is being deleted",
        ),
        pytest.param(Refused(403, is_kubernetes=False), Transient, "Forbidden", id="a proxy's 403"),
        pytest.param(Refused(404, reason="NotFound"), Rejected, "NotFound", id="nowhere to create it"),
        pytest.param(Refused(404, is_kubernetes=False), Transient, "NotFound", id="a proxy's 404"),
        pytest.param(Refused(422, reason="Invalid"), Rejected, "Invalid", id="the schema says no"),
        pytest.param(Refused(400, reason="BadRequest"), Rejected, "BadRequest", id="a bad request"),
        pytest.param(Refused(413), Rejected, "RequestEntityTooLarge", id="too large"),
        pytest.param(Refused(408), Transient, "RequestTimeout", id="too slow"),
        pytest.param(Refused(410, reason="Gone"), Transient, "Gone", id="gone"),
        pytest.param(Refused(429, reason="TooManyRequests"), Throttled, "TooManyRequests", id="too many"),
        pytest.param(Refused(429, is_kubernetes=False), Throttled, "TooManyRequests", id="too many for a proxy"),
        pytest.param(Refused(500, reason="InternalError"), Transient, "InternalError", id="their fault"),
        pytest.param(Refused(503), Transient, "ServiceUnavailable", id="unavailable"),
        pytest.param(Refused(503, retry_after=5.0), Throttled, "ServiceUnavailable", id="unavailable for so long"),
        pytest.param(Refused(302), Transient, "Found", id="a redirection"),
        pytest.param(Refused(599), Transient, "Status599", id="a status without a name"),
        pytest.param(Unreachable("no answer"), Transient, "Unreachable", id="no answer"),
    ],
)
def test_status_says_what_to_do(error: Refused | Unreachable, expected: type[FleetDNSError], code: str) -> None:
    found = write_error(error)
    assert (type(found), found.code) == (expected, code)


def test_a_pause_is_a_second_unless_they_say_otherwise() -> None:
    pauses = [write_error(Refused(429, retry_after=seconds)) for seconds in (None, 7.0)]
    assert [error.retry_after for error in pauses if isinstance(error, Throttled)] == [1.0, 7.0]


def test_a_long_message_becomes_one_line_fit_for_a_condition() -> None:
    sentence = write_error(Refused(422, message="a\n b " * 1000)).sentence
    assert sentence.startswith("a b a b")
    assert len(sentence) <= 512


@pytest.mark.parametrize("body", [b"", b"no", b"<html>", b'{"kind":"Pod"}', b"\xff"])
def test_only_a_status_or_plain_text_is_the_api_servers(body: bytes) -> None:
    assert refused(500, content_type="text/plain", retry_after=None, body=body).is_kubernetes
    assert not refused(500, content_type="text/html", retry_after=None, body=body).is_kubernetes
    assert not refused(500, content_type="application/json", retry_after=None, body=body).is_kubernetes


def test_null_details_are_no_details() -> None:
    body = b'{"kind":"Status","reason":"NotFound","message":"no","details":null}'
    found = refused(404, content_type="application/json", retry_after=None, body=body)
    assert (found.reason, found.causes, found.is_kubernetes) == ("NotFound", frozenset(), True)


def test_a_kind_that_is_not_served_is_called_that() -> None:
    """The API server answers 404 in plain text, without a word about what it does not know."""
    found = refused(404, content_type="text/plain", retry_after=None, body=b"404 page not found\n")
    assert str(found) == "404 NotFound"
    assert "does not serve this kind" in write_error(found).sentence
    assert "CRDs" in write_error(found).sentence
