"""Which class an answer of Azure's stands for, by status and code, and which words of it reach a condition."""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from datetime import UTC, datetime

import aiohttp
import pytest
from azure.core.exceptions import ServiceRequestError

from fleetdns.azure.credential import Credential
from fleetdns.azure.errors import Operation, classify, classify_answer, cleaned, pause, read_error, unreachable
from fleetdns.azure.remedies import Peer
from fleetdns.errors import Conflict, FleetDNSError, Forbidden, Rejected, Throttled, Transient, Unavailable

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "code", "operation", "expected"),
    [
        pytest.param(404, "ResourceNotFound", "get_profile", None, id="no such profile is an answer"),
        pytest.param(404, "ResourceGroupNotFound", "get_profile", None, id="nor such a group"),
        pytest.param(404, "ResourceGroupNotFound", "list_group", None, id="a group that is not there lists nothing"),
        pytest.param(404, "NotFound", "delete_profile", None, id="gone already is deleted"),
        pytest.param(404, "NotFound", "delete_endpoint", None, id="an endpoint gone already is deleted"),
        pytest.param(404, "SubscriptionNotFound", "delete_profile", None, id="gone with its subscription"),
        pytest.param(404, "SubscriptionNotFound", "get_profile", Rejected, id="no subscription proves no absence"),
        pytest.param(404, "SubscriptionNotFound", "list_group", Rejected, id="nor in a list"),
        pytest.param(404, "SubscriptionNotFound", "list_subscription", Rejected, id="nor in a list of everything"),
        pytest.param(404, "ResourceGroupNotFound", "put_profile", Rejected, id="no group to create it in"),
        pytest.param(404, "ParentResourceNotFound", "put_endpoint", Transient, id="the profile went: observe again"),
        pytest.param(404, "ResourceNotFound", "patch_profile", Transient, id="the patched profile went as well"),
        pytest.param(404, "", "get_profile", Unavailable, id="a proxy's page proves no absence"),
        pytest.param(404, "", "list_group", Unavailable, id="nor of a whole group"),
        pytest.param(404, "", "delete_profile", Unavailable, id="nor that anything was deleted"),
        pytest.param(404, "", "delete_endpoint", Unavailable, id="nor an endpoint"),
        pytest.param(404, "", "put_profile", Unavailable, id="nor that a write is refused"),
        pytest.param(409, "Conflict", "put_profile", Conflict, id="changes collided, or the name is taken"),
        pytest.param(409, "Conflict", "put_endpoint", Conflict, id="changes collided on an endpoint"),
        pytest.param(409, "", "put_profile", Conflict, id="a collision without a body"),
        pytest.param(409, "ScopeLocked", "delete_profile", Rejected, id="somebody locked it"),
        pytest.param(409, "MissingSubscriptionRegistration", "put_profile", Rejected, id="provider not registered"),
        pytest.param(429, "RetryableErrorDueToAnotherOperation", "put_endpoint", Conflict, id="a collision, no quota"),
        pytest.param(429, "TooManyRequests", "put_endpoint", Throttled, id="quota"),
        pytest.param(429, "", "list_group", Throttled, id="quota without a body"),
        pytest.param(400, "BadRequest", "put_endpoint", Rejected, id="a duplicate target"),
        pytest.param(405, "MethodNotAllowed", "put_profile", Rejected, id="any other 4xx"),
        pytest.param(401, "ExpiredAuthenticationToken", "get_profile", Forbidden, id="a token that is no good"),
        pytest.param(403, "AuthorizationFailed", "put_profile", Forbidden, id="a right that is missing"),
        pytest.param(403, "LinkedAuthorizationFailed", "put_profile", Rejected, id="one target may not be read"),
        pytest.param(403, "LinkedAuthorizationFailed", "put_endpoint", Rejected, id="this target may not be read"),
        pytest.param(408, "RequestTimeout", "put_profile", Unavailable, id="a time-out of theirs"),
        pytest.param(500, "InternalServerError", "put_profile", Unavailable, id="their fault"),
        pytest.param(502, "", "get_profile", Unavailable, id="a gateway's fault"),
        pytest.param(
            503, "ServiceUnavailable", "get_profile", Unavailable, id="unavailable, for nobody knows how long"
        ),
        pytest.param(202, "", "put_profile", Unavailable, id="accepted is not done"),
        pytest.param(302, "", "get_profile", Unavailable, id="a redirection is not followed"),
        pytest.param(599, "", "get_profile", Unavailable, id="a status without a name"),
    ],
)
def test_status_and_code_say_what_to_do(
    status: int, code: str, operation: Operation, expected: type[FleetDNSError] | None
) -> None:
    error = classify(status, code, "whatever it says", retry_after=None, operation=operation)
    assert (type(error) if error else None) is expected


def test_no_word_of_a_message_changes_the_class() -> None:
    for message in ("Conflicting changes were detected", "Domain name x is not available", ""):
        assert type(classify(409, "Conflict", message, retry_after=None, operation="put_profile")) is Conflict


@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_that_is_asked_for_is_kept(status: int) -> None:
    error = classify(status, "Busy", "", retry_after=7.0, operation="put_profile")
    assert isinstance(error, Throttled)
    assert error.retry_after == 7.0


def test_a_pause_that_is_not_named_is_traffic_managers_window() -> None:
    error = classify(429, "TooManyRequests", "", retry_after=None, operation="put_profile")
    assert isinstance(error, Throttled)
    assert error.retry_after == 20.0


def test_retry_after_on_a_collision_or_a_refusal_changes_nothing() -> None:
    assert type(classify(409, "Conflict", "", retry_after=5.0, operation="put_profile")) is Conflict
    assert type(classify(400, "BadRequest", "", retry_after=5.0, operation="put_profile")) is Rejected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("", None, id="empty"),
        pytest.param("0", 0.0, id="now"),
        pytest.param(" 17 ", 17.0, id="seconds"),
        pytest.param("Fri, 02 Jan 2026 03:04:35 GMT", 30.0, id="a date"),
        pytest.param("Fri, 02 Jan 2026 03:04:35 -0000", 30.0, id="a date without a zone"),
        pytest.param("Fri, 02 Jan 2026 03:00:00 GMT", 0.0, id="a date that has passed"),
        pytest.param("999999999", 3600.0, id="more than any window of ARM's"),
        pytest.param("Fri, 02 Jan 2099 03:00:00 GMT", 3600.0, id="a date of a broken clock"),
        pytest.param("soon", None, id="a word"),
        pytest.param(f"Fri, {'9' * 20} Jan 2026 03:00:00 GMT", None, id="a date with a number that none can have"),
        pytest.param(f"Fri, 02 Jan 2026 03:00:00 +{'9' * 20}", None, id="a date with a zone that is none"),
        pytest.param("Fri, 31 Dec 9999 23:59:59 -2359", 3600.0, id="the last date of all, west of here"),
        pytest.param("Mon, 01 Jan 0001 00:00:00 +2359", 0.0, id="the first date of all, east of here"),
        pytest.param("-5", None, id="a negative number"),
        pytest.param("1.5e3", None, id="a number in a form that HTTP does not have"),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert pause(header, now=NOW) == seconds


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"error": {"code": "A", "message": "b"}}, ("A", "b"), id="ARM's envelope"),
        pytest.param({"code": "A", "message": "b"}, ("A", "b"), id="without an envelope"),
        pytest.param({"error": {"code": "A", "message": "", "details": [{"message": "c"}]}}, ("A", "c"), id="details"),
        pytest.param(
            {
                "error": {
                    "code": "MultipleErrorsOccurred",
                    "message": "Please see details.",
                    "details": [
                        {
                            "code": "BadRequest",
                            "message": "The weight is odd.",
                            "details": [{"message": "So is the port."}],
                        },
                        {"code": "BadRequest", "message": None},
                        {"code": "BadRequest", "message": "The weight is odd."},
                    ],
                }
            },
            ("MultipleErrorsOccurred", "Please see details. The weight is odd. So is the port."),
            id="what details say comes behind the message, once",
        ),
        pytest.param(
            {"error": {"code": "A", "message": "No: b.", "details": [{"message": "b"}]}},
            ("A", "No: b."),
            id="said already",
        ),
        pytest.param({"error": {"code": 400, "message": "b"}}, ("400", "b"), id="a code that is a number"),
        pytest.param({"error": {"code": None, "message": None}}, ("", ""), id="nulls"),
        pytest.param({"error": None}, ("", ""), id="a null envelope"),
        pytest.param({"error": "no"}, ("", ""), id="an envelope that is a word"),
        pytest.param([], ("", ""), id="a list"),
    ],
)
def test_code_and_message_are_read_from_whatever_comes(body: object, expected: tuple[str, str]) -> None:
    assert read_error(json.dumps(body).encode()) == expected


def test_an_error_behind_a_byte_order_mark_is_read() -> None:
    assert read_error(BOM_UTF8 + b'{"error":{"code":"ResourceNotFound","message":"Gone."}}') == (
        "ResourceNotFound",
        "Gone.",
    )


@pytest.mark.parametrize("status", [202, 307])
def test_an_answer_that_is_neither_done_nor_refused_is_not_told_as_a_refusal(status: int) -> None:
    error = classify_answer(status, {}, b"", operation="put_profile", now=NOW)
    assert isinstance(error, Unavailable)
    assert error.sentence == f"Azure answered {status}, which is no answer to this call"


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"\xff\xfe"])
def test_an_answer_of_no_sort_of_json_still_makes_a_sentence(body: bytes) -> None:
    error = classify_answer(502, {}, body, operation="get_profile", now=NOW)
    assert isinstance(error, Transient)
    assert (error.code, error.sentence) == ("BadGateway", "Azure answered 502 without saying why")


def test_headers_are_found_in_any_case() -> None:
    error = classify_answer(429, {"RETRY-AFTER": "3"}, b"", operation="get_profile", now=NOW)
    assert isinstance(error, Throttled)
    assert error.retry_after == 3.0


ID = "12345678-90ab-cdef-1234-567890abcdef"


@pytest.mark.parametrize(
    "volatile",
    [
        f"Request ID: {ID}",
        f"(RequestId: {ID})",
        f"RequestId:{ID}",
        f"Correlation Id: '{ID}'",
        f"Trace ID: {ID} Correlation ID: {ID} Timestamp: 2026-01-02 03:04:05Z",
        f"client-request-id={ID}",
        "at 2026-01-02T03:04:05.1234567Z",
        "Timestamp: 2026-01-02T03:04:05+00:00",
        f"Tracking id {ID}",
    ],
)
def test_the_same_refusal_gives_the_same_sentence_each_time(volatile: str) -> None:
    other = volatile.replace(ID, ID[::-1]).replace("03:04:05", "09:08:07")
    first, second = (cleaned(f"The change was refused. {text}") for text in (volatile, other))
    assert first == second
    assert first.startswith("The change was refused.")


def test_ids_that_say_what_is_wrong_stay() -> None:
    message = f"The client '{ID}' with object id '{ID}' does not have authorization over scope '/subscriptions/{ID}'"
    assert cleaned(message) == message


def test_a_sentence_is_one_line_short_enough_for_a_condition() -> None:
    text = cleaned("a\r\n  b\t" + "c " * 1000)
    assert text.startswith("a b c c")
    assert len(text) <= 512
    assert text.endswith("…")


def test_a_sentence_holds_nothing_that_a_terminal_obeys() -> None:
    assert cleaned("a\x00b \x1b[31mred\u202e\u2028c „ü“ ☃ 😀") == "a b [31mred c „ü“ ☃ 😀"


@pytest.mark.parametrize(
    ("status", "code", "is_content"),
    [
        pytest.param(400, "BadRequest", True, id="an endpoint that is not taken"),
        pytest.param(403, "LinkedAuthorizationFailed", True, id="a target that may not be read"),
        pytest.param(409, "ScopeLocked", False, id="a lock"),
        pytest.param(409, "MissingSubscriptionRegistration", False, id="a subscription that is not registered"),
        pytest.param(404, "ResourceGroupNotFound", False, id="a resource group that is not there"),
    ],
)
def test_a_refusal_tells_whether_less_might_be_taken(status: int, code: str, is_content: bool) -> None:
    error = classify(status, code, "No.", retry_after=None, operation="put_profile")
    assert isinstance(error, Rejected)
    assert error.is_content is is_content


def told(status: int, code: str, message: str, *, operation: Operation, resource: str, peer: Peer | None = None) -> str:
    """The sentence of an answer about `resource`."""
    who = peer or Peer("management.azure.com", Credential(()))
    remedy = who.remedy(status, code, operation=operation, resource=resource)
    error = classify(status, code, message, retry_after=None, operation=operation, remedy=remedy)
    assert error is not None
    return error.sentence


GROUP_ID = "/subscriptions/s-1/resourceGroups/fleet-dns"


@pytest.mark.parametrize(
    ("operation", "resource", "action", "where"),
    [
        pytest.param("list_subscription", "/subscriptions/s-1", "/read", "on subscription s-1", id="everything"),
        pytest.param("list_group", GROUP_ID, "/read", "on resource group fleet-dns", id="a group"),
        pytest.param("put_profile", f"{GROUP_ID}/providers/p/q", "/write", "on resource group fleet-dns", id="a write"),
        pytest.param("delete_endpoint", f"{GROUP_ID}/x", "/azureEndpoints/delete", "fleet-dns", id="an endpoint"),
    ],
)
def test_a_missing_right_is_named_with_its_role_and_where_to_give_it(
    operation: Operation, resource: str, action: str, where: str
) -> None:
    sentence = told(403, "AuthorizationFailed", "No right.", operation=operation, resource=resource)
    assert sentence.startswith(
        f"No right; give the identity of fleetdns Microsoft.Network/trafficManagerProfiles{action}"
    )
    assert where in sentence
    assert "role Traffic Manager Contributor; docs/rights.md#on-azure" in sentence


def test_a_target_that_may_not_be_read_names_the_right_to_read_it() -> None:
    sentence = told(403, "LinkedAuthorizationFailed", "No.", operation="put_endpoint", resource=GROUP_ID)
    assert "Microsoft.Network/publicIPAddresses/read" in sentence


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "SubscriptionNotFound", "--subscription-id"),
        (409, "MissingSubscriptionRegistration", "az provider register --namespace Microsoft.Network"),
    ],
)
def test_a_subscription_that_is_not_ready_says_what_to_do(status: int, code: str, says: str) -> None:
    assert says in told(status, code, "No.", operation="get_profile", resource=GROUP_ID)


def test_a_policy_that_forbids_is_not_taken_for_a_missing_right() -> None:
    sentence = told(403, "RequestDisallowedByPolicy", "Policy P.", operation="put_profile", resource=GROUP_ID)
    assert sentence == "Policy P."


def test_a_refusal_that_is_not_resource_managers_sends_nobody_to_look_for_a_role() -> None:
    sentence = told(403, "", "", operation="list_group", resource=GROUP_ID)
    assert "what stands between here and management.azure.com" in sentence
    assert "role" not in sentence


def test_a_token_that_has_expired_is_the_same_sentence_at_every_time() -> None:
    def at(now: str) -> str:
        message = f"The access token expiry UTC time '10/27/2025 3:33:46 PM' is earlier than current UTC time '{now}'."
        return told(401, "ExpiredAuthenticationToken", message, operation="list_group", resource=GROUP_ID)

    assert at("10/27/2025 4:10:21 PM") == at("1/2/2026 11:00:00 AM")
    assert at("1/2/2026 11:00:00 AM").startswith("the token that was sent has expired; the token was that of ")


def test_no_credential_is_looked_for_where_none_is_sent() -> None:
    sentence = told(
        401, "InvalidAuthenticationToken", "No.", operation="list_group", resource=GROUP_ID, peer=Peer("127.0.0.1:1")
    )
    assert sentence == "No; no credential is sent to an address in plain http; see --arm-endpoint"


def test_times_as_microsoft_writes_them_are_left_out() -> None:
    assert cleaned("refused at 10/27/2025 3:33:46 PM for good") == "refused at for good"


REFUSAL = ConnectionRefusedError()
ADDRESS = aiohttp.client_reqrep.ConnectionKey("arm.example", 443, True, True, None, None, None)


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        pytest.param(aiohttp.ClientConnectorError(ADDRESS, REFUSAL), "cannot be reached", id="nobody listens"),
        pytest.param(aiohttp.ClientConnectorDNSError(ADDRESS, REFUSAL), "DNS does not know it", id="no address"),
        pytest.param(aiohttp.ClientProxyConnectionError(ADDRESS, REFUSAL), "the proxy on the way", id="no proxy"),
        pytest.param(aiohttp.ServerDisconnectedError(), "the connection to", id="a reset"),
    ],
)
def test_what_cannot_be_reached_is_named(cause: Exception, says: str) -> None:
    error = unreachable(ServiceRequestError("raw words", error=cause), "arm.example")
    assert says in error.sentence
    assert "Azure Resource Manager (arm.example)" in error.sentence
    assert "raw words" not in error.sentence
