"""What `fleetdns explain` prints where many clusters have one answer: somebody may look for one of them."""

from __future__ import annotations

from fleetdns.api.meta import ObjectKey
from fleetdns.commands.explain import Answer, document, lines
from fleetdns.commands.terminal import Paint
from fleetdns.core.explain import NOT_EXPORTED, PROFILE_NOT_FOUND, SERVING
from fleetdns.core.finding import Explanation, Finding

APP = ObjectKey("work", "app")


def answer(*findings: Finding) -> Answer:
    return Answer((Explanation(APP, "app", ObjectKey("work", "myatm"), None, findings),), None, ())


def told(*findings: Finding) -> list[str]:
    """What is printed beneath the first line."""
    return list(lines(answer(*findings), Paint(is_on=False)))[1:]


def not_exported(number: int) -> Finding:
    name = f"c-{number:02}"
    return Finding(name, NOT_EXPORTED, f"nothing in namespace fleet-member-{name}", f"in {name}: apply a ServiceExport")


def test_clusters_with_the_same_answer_are_one_line_and_what_they_may_do_is_said_once() -> None:
    missing = [Finding(cluster, PROFILE_NOT_FOUND, "no such profile", "apply it") for cluster in "abcde"]
    assert told(*missing) == [
        "  5 clusters   ProfileNotFound: no such profile",
        "               -> apply it",
        "               a, b, c, d, e",
    ]
    assert told(*missing[:2]) == ["  a, b   ProfileNotFound: no such profile", "         -> apply it"]
    assert len(document(answer(*missing))["explanations"][0]["clusters"]) == 5


def test_each_cluster_with_a_share_has_a_line_of_its_own() -> None:
    serving = [Finding(cluster, SERVING, "in DNS", "", 50, 0.5) for cluster in "ab"]
    assert told(*serving) == [f"  {each}   Serving, weight 50, 50.0% of the traffic: in DNS" for each in "ab"]


def test_many_clusters_that_export_nothing_are_one_line_after_those_that_do() -> None:
    serving = Finding("z", SERVING, "in DNS", "", 50, 1.0)
    absent = [not_exported(number) for number in range(40)]
    first, absence, todo, names = told(*absent, serving)
    assert first == "  z             Serving, weight 50, 100.0% of the traffic: in DNS"
    assert absence.startswith(
        "  40 clusters   NotExported: the hub has no InternalServiceExport of Service work/app in"
    )
    assert todo.startswith("                -> in each that is to serve: apply a ServiceExport app in namespace work; ")
    assert names.strip().split(", ") == [finding.cluster for finding in absent]


def test_few_clusters_that_export_nothing_have_lines_of_their_own() -> None:
    assert [line for line in told(*(not_exported(number) for number in range(3))) if "NotExported" in line] == [
        f"  c-0{number}   NotExported: nothing in namespace fleet-member-c-0{number}" for number in range(3)
    ]
