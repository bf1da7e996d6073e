"""Much of something: rows, files, lines, records over many lines.

Belongs here: numbers. Does not belong here: wide files (`columns.py`) or long lines (`lines.py`).
"""

from __future__ import annotations

from pathlib import Path

from tests.corpus.case import LEADS, Case, Refused, Rows, lead, text


def many_files(folder: Path) -> None:
    for number in range(200):
        (folder / f"leads-{number:03}.csv").write_text(f"{LEADS}F{number},2026-03-01,c,s\n")


CASES: tuple[Case, ...] = (
    text("a million rows of one id", LEADS + lead(1) * 1_000_000, Rows(1_000_000)),
    Case("two hundred files", many_files, Rows(200)),
    text(
        "a value over a hundred thousand lines",
        LEADS + 'L1,2026-03-01,"a' + "\n" * 100_000 + 'b",s\n' + lead(2),
        Rows(2, values={"length(campaign)": [100_002, 1]}),
    ),
    text(
        "twenty thousand records over two lines and one that is short",
        LEADS + 'L1,2026-03-01,"a\nb",s\n' * 20_000 + "L2\n",
        Rows(20_000, [(20_001, "has 1 value")]),
    ),
    text(
        "a bad row in every other line",
        LEADS + (lead(1) + "L2,never,c,s\n") * 5_000,
        Refused("5000 of its 10000 rows are unreadable"),
        keys="max_quarantine_ratio = 0.4\n",
    ),
)
