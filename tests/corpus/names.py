"""Names of files: quotes, SQL, patterns, control characters, bytes that are no text.

Belongs here: what a file may be called. Does not belong here: what it is (`kinds.py`).
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.corpus.case import LEADS, Case, Refused, Rows, lead, text

SPEAKABLE = (
    "leads-'q'.csv",
    'leads-"q".csv',
    "leads-; drop table raw_files.leads; --.csv",
    "leads-..csv",
    "leads-...csv",
    "leads-*.csv",
    "leads-[ab].csv",
    "leads-{a,b}.csv",
    "leads-?.csv",
    "leads-%s-%(x)s-{0}.csv",
    "leads-\\.csv",
    "leads-$HOME-`id`.csv",
    "leads- .csv",
    "leads-é-漢-😀.csv",
    "LEADS.CSV",
    f"leads-{'x' * 240}.csv",
)
UNSPEAKABLE = (
    "leads-a\nb.csv",
    "leads-a\rb.csv",
    "leads-\x1b[31m.csv",
    "leads-\u202evsc.csv",
    "leads-\x7f.csv",
)


def undecodable(folder: Path) -> None:
    path = os.fsencode(folder) + b"/leads-\xff.csv"
    Path(os.fsdecode(path)).write_text(LEADS + lead(1))


def two_forms(folder: Path) -> None:
    for number, name in enumerate(("leads-caf\u00e9.csv", "leads-cafe\u0301.csv"), 1):
        (folder / name).write_text(LEADS + lead(number))


CASES: tuple[Case, ...] = (
    *(
        # a bad row, so that the name stands in the quarantine and in a finding too
        text(
            f"a file named {name[:40]}",
            LEADS + lead(1) + "L2,never,c,s\n",
            Rows(1, [(2, "'never'")], told=[name]),
            file=name,
        )
        for name in SPEAKABLE
    ),
    *(
        text(f"a file named {name!r}", LEADS + lead(1), Refused("characters that cannot be shown"), file=name)
        for name in UNSPEAKABLE
    ),
    Case("a file whose name is no text", undecodable, Refused("leads-\\xff.csv")),
    Case("two files that look the same", two_forms, Rows(2, values={"lead_id": ["L2", "L1"]})),
    text(
        "a glob that climbs out",
        LEADS + lead(1),
        Refused("leads out of the source's folder"),
        keys='[sources.crm.tables.leads]\nfiles = "../*.csv"\n',
    ),
    text(
        "a glob that is SQL",
        LEADS + lead(1),
        Refused("matches no file"),
        keys='[sources.crm.tables.leads]\nfiles = "leads.csv\'); drop table x; --"\n',
    ),
)
