"""docs/rights.md: its text kept, its tables made anew, each between two marks that say where it comes from."""

from __future__ import annotations

from pathlib import Path

from tests.rights.member.places import HUB_NAMESPACE
from tests.rights.member.table import CLUSTER_ROWS, HUB_ROWS
from tests.rights.table import ROWS, markdown

PAGE: Path = Path(__file__).parents[2] / "docs" / "rights.md"
_TABLES = {
    "<!-- from tests/rights/table.py -->": ROWS,
    "<!-- on the hub, from tests/rights/member/table.py -->": HUB_ROWS,
    "<!-- in its own cluster, from tests/rights/member/table.py -->": CLUSTER_ROWS,
}


def page() -> str:
    """The whole page. ValueError where a mark does not stand in it twice."""
    text = PAGE.read_text()
    for mark, rows in _TABLES.items():
        head, _, rest = text.split(mark)
        table = markdown(rows).replace(HUB_NAMESPACE, "fleet-member-CLUSTER")
        text = f"{head}{mark}\n\n{table}\n{mark}{rest}"
    return text
