"""Which changed definitions the code knows: the lines of the table in CHANGELOG.md.

Belongs here: reading that table. Does not belong here: what follows from a difference (`compare.py`).
"""

from __future__ import annotations

from pathlib import Path

from orchestration.settings import PROJECT_ROOT

HEADING = "## Changed definitions"


def changed_definitions(file: Path = PROJECT_ROOT / "CHANGELOG.md") -> list[str] | None:
    """`version: table and column: now`, in the table's order; None where there is no changelog."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return None
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    rows = [line.strip().strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    cells = [[cell.strip().replace("`", "") for cell in row] for row in rows[2:]]
    return [f"{version}: {what}: {now}" for version, what, _, now, *_ in cells]
