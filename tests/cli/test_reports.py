"""The commands that look: which kubeconfig they take, what a dry run is to them, and when they are plain."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleetdns.commands.terminal import BOLD, GREEN, Paint
from fleetdns.settings.reports import azure_report_from, hub_report_from

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


@pytest.mark.parametrize(
    ("flags", "environment", "expected"),
    [
        pytest.param({"kubeconfig": "a"}, {"FLEETDNS_KUBECONFIG": "b", "KUBECONFIG": "c"}, "a", id="the flag first"),
        pytest.param({}, {"FLEETDNS_KUBECONFIG": "b", "KUBECONFIG": "c"}, "b", id="then its variable"),
        pytest.param({}, {"KUBECONFIG": "c:d"}, "c:d", id="then kubectl's"),
        pytest.param({}, {}, None, id="else the pod's own account"),
    ],
)
def test_the_kubeconfig_is_the_one_that_is_nearest(
    flags: dict[str, str | None], environment: dict[str, str], expected: str | None
) -> None:
    assert hub_report_from(flags, environment).kubeconfig == expected
    given = {**environment, "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION}
    assert azure_report_from(flags, given).run.kubeconfig == expected


def test_the_file_in_the_home_folder_is_taken_where_it_is_there(tmp_path: Path) -> None:
    assert hub_report_from({}, {"HOME": str(tmp_path)}).kubeconfig is None
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("")
    assert hub_report_from({}, {"HOME": str(tmp_path)}).kubeconfig == str(tmp_path / ".kube" / "config")


def test_a_dry_run_is_looked_through_as_if_it_were_none() -> None:
    given = {"FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION, "FLEETDNS_DRY_RUN": "true"}
    assert not azure_report_from({}, given).run.dry_run


@pytest.mark.parametrize(
    ("environment", "is_plain"),
    [({}, False), ({"NO_COLOR": "1"}, True), ({"NO_COLOR": ""}, False), ({"TERM": "dumb"}, True)],
)
def test_colours_can_be_refused(environment: dict[str, str], is_plain: bool) -> None:
    assert hub_report_from({}, environment).is_plain == is_plain


def test_columns_line_up_with_and_without_colours() -> None:
    rows = [("a", "True"), ("long", "False")]
    plain = Paint(is_on=False).table(("N", "STATE"), rows)
    assert plain == ["N      STATE", "a      True", "long   False"]
    coloured = Paint(is_on=True).table(("N", "STATE"), rows, colours={"True": GREEN})
    assert coloured[1] == "a      \x1b[32mTrue\x1b[0m"
    assert coloured[0].startswith(f"\x1b[{BOLD}mN\x1b[0m")


def test_the_context_is_that_of_the_flag_or_its_variable() -> None:
    variables = {"FLEETDNS_CONTEXT": "b", "FLEETDNS_SUBSCRIPTION_ID": SUBSCRIPTION}
    assert hub_report_from({}, {}).context is None
    assert hub_report_from({}, variables).context == "b"
    assert hub_report_from({"context": "a"}, variables).context == "a"
    assert azure_report_from({"context": "a"}, variables).run.context == "a"
