"""The files that a document has one write: each a yaml block that begins with its path as a comment."""

from __future__ import annotations

import re
from pathlib import Path

_FILE = re.compile(r"^```yaml\n# (?P<path>[\w./-]+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def files(document: Path) -> dict[str, str]:
    """Path to text."""
    return {match["path"]: match["text"] for match in _FILE.finditer(document.read_text())}
