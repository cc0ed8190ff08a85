"""A member's kubeconfig, and the same with another token: nothing else in it changes, and nobody else's is touched."""

from __future__ import annotations

import base64

import pytest
import yaml

from fleetdns.core.kubeconfig import NotOurs, Server, kubeconfig, with_token

URL = "https://hub.example:6443"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
TEXT = kubeconfig(Server(URL, PEM), token="first", namespace="fleet-member-a")

BY_HAND = f"""\
# made by hand
current-context: here
contexts:
- {{name: here, context: {{user: me, cluster: far, namespace: x}}}}
clusters:
- {{name: near, cluster: {{server: "https://other"}}}}
- {{name: far, cluster: {{server: "{URL}/"}}}}   # the hub
users:
- {{name: me, user: {{token: "first"}}}}
- {{name: you, user: {{token: yours}}}}
"""


def test_a_kubeconfig_says_where_who_and_in_which_namespace() -> None:
    document = yaml.safe_load(TEXT)
    (cluster,), (user,), (context,) = document["clusters"], document["users"], document["contexts"]
    assert cluster["cluster"]["server"] == URL
    assert base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode() == PEM
    assert user["user"] == {"token": "first"}
    assert context["context"] == {"cluster": cluster["name"], "user": user["name"], "namespace": "fleet-member-a"}
    assert document["current-context"] == context["name"]


def test_a_server_that_is_known_otherwise_is_told_so() -> None:
    text = kubeconfig(Server(URL, None, name="hub", is_verified=False), token="t", namespace="n")
    (cluster,) = yaml.safe_load(text)["clusters"]
    assert cluster["cluster"] == {"server": URL, "tls-server-name": "hub", "insecure-skip-tls-verify": True}


@pytest.mark.parametrize("text", [pytest.param(TEXT, id="ours"), pytest.param(BY_HAND, id="written by hand")])
def test_only_the_token_is_replaced(text: str) -> None:
    assert with_token(text, "second", url=URL, held=("zero", "first")) == text.replace("first", "second")


def test_a_token_with_a_newline_behind_it_is_the_one_that_was_sent_without() -> None:
    text = TEXT.replace("token: first", "token: |\n      first")
    assert text != TEXT
    assert with_token(text, "second", url=URL, held=("first",)) == text.replace("first", "second")
    assert with_token(text, "first", url=URL, held=("zero",)) == text


def test_a_kubeconfig_that_has_the_new_token_already_stays_as_it_is() -> None:
    assert with_token(TEXT, "first", url=URL, held=("zero",)) == TEXT


@pytest.mark.parametrize(
    ("text", "because"),
    [
        pytest.param(TEXT.replace(URL, "https://other"), "another server", id="another server"),
        pytest.param(TEXT.replace("first", "theirs"), "another credential", id="another token"),
        pytest.param(TEXT.replace("token: first", "username: me"), "another credential", id="another kind of user"),
        pytest.param(BY_HAND.replace("user: me,", "user: gone,"), "another credential", id="a user that is not there"),
        pytest.param(BY_HAND.replace('"first"', '"fir\\x73t"'), "spelled", id="a token that is spelled oddly"),
        pytest.param(BY_HAND.replace("yours", "first"), "spelled", id="a token that somebody else has as well"),
        pytest.param("current-context: here", "no kubeconfig", id="no contexts"),
        pytest.param("a: [", "no kubeconfig", id="not YAML"),
        pytest.param("", "no kubeconfig", id="empty"),
    ],
)
def test_a_kubeconfig_of_somebody_else_s_is_left_alone(text: str, because: str) -> None:
    found = with_token(text, "second", url=URL, held=("first",))
    assert isinstance(found, NotOurs)
    assert because in found.because
