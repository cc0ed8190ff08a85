"""docs/rights.md says what the tests have shown."""

from __future__ import annotations

from tests.rights.page import PAGE, page


def test_the_page_holds_the_table_as_it_is() -> None:
    """Make it anew with: python -m tests.rights.table."""
    assert PAGE.read_text() == page()
