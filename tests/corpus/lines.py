"""CSV whose lines and records do not agree: quotes, line ends, widths.

Belongs here: cases of cutting text into records. Does not belong here: what the values are (`values.py`).
"""

from __future__ import annotations

from tests.corpus.case import LEADS, Case, Refused, Rows, lead, text

NOT_CLOSED = "a quote is not closed, or text follows it"

CASES: tuple[Case, ...] = (
    text("an empty file", "", Rows(0)),
    text("blank lines alone", "\n\r\n  \n", Rows(0)),
    text("a byte order mark alone", "\ufeff", Rows(0)),
    text("a header alone", LEADS, Rows(0)),
    text("a header without its line end", LEADS.strip(), Rows(0)),
    text("commas alone", ",\n,\n", Refused("lacks the required column 'lead_id'")),
    text("one quote", '"', Refused("the header cannot be read")),
    text(
        "line feeds in a value",
        LEADS + 'L1,2026-03-01,"a\nb\n\nc",s\n' + lead(2),
        Rows(2, values={"campaign": ["a\nb\n\nc", "c"]}),
    ),
    text(
        "a quote open to the end",
        LEADS + lead(1) + 'L2,2026-03-02,"c,s',
        Rows(1, [(2, NOT_CLOSED)], {"lead_id": ["L1"]}),
    ),
    text(
        "text behind a quote",
        LEADS + 'L1,2026-03-01,"a"b,s\n' + lead(2),
        Rows(1, [(1, NOT_CLOSED)], {"lead_id": ["L2"]}),
    ),
    text(
        "a quote inside a bare value",
        LEADS + 'L1,2026-03-01,19" rack,s\n',
        Rows(1, values={"campaign": ['19" rack']}),
    ),
    text(
        "quotes escaped by a backslash",
        LEADS + 'L1,2026-03-01,"a\\"b",s\n' + lead(2),
        Rows(1, [(1, NOT_CLOSED)]),
    ),
    text(
        "single quotes around values",
        LEADS + "'L1','2026-03-01','a,b','s'\n" + lead(2),
        Rows(1, [(1, "has 5 values where the header has 4")]),
    ),
    text(
        "an inch mark closes what was left open",
        LEADS + 'L1,2026-03-01,"wide,s\nL2,2026-03-02,screen 15",s\n' + lead(3),
        Rows(1, [(1, "is it not closed?"), (2, "lies inside the quote")], {"lead_id": ["L3"]}),
    ),
    text(
        "ten thousand quotes",
        LEADS + "L1,2026-03-01," + '"' * 10_001 + ",s\n" + lead(2),
        Refused("the record has no end that can be found"),
    ),
    text("line ends of old Macs", (LEADS + lead(1) + lead(2)).replace("\n", "\r"), Rows(2)),
    text(
        "line ends of three systems",
        LEADS.replace("\n", "\r\n") + lead(1) + lead(2).replace("\n", "\r") + lead(3),
        Rows(3, values={"lead_id": ["L1", "L2", "L3"]}),
    ),
    text("a comma behind every line", "lead_id,created_at,\nL1,2026-03-01,\n", Rows(1, told=["column_3"])),
    text("a comma behind every row alone", LEADS + "L1,2026-03-01,c,s,\n", Rows(1, values={"source": ["s"]})),
    text(
        "ragged rows",
        LEADS + lead(1) + "L2\n" + "L3,2026-03-03,c,s,e,f\n" + lead(4),
        Rows(
            2,
            [(2, "has 1 value where the header has 4"), (3, "has 6 values where the header has 4")],
            {"lead_id": ["L1", "L4"]},
        ),
    ),
    text(
        "semicolons where commas are declared",
        "lead_id;created_at\nL1;2026-03-01\n",
        Refused("separated by semicolons"),
    ),
    text("declared semicolons", "lead_id;created_at\nL1;2026-03-01\n", Rows(1), keys="delimiter = ';'\n"),
    text("declared tabs", "lead_id\tcreated_at\nL1\t2026-03-01\n", Rows(1), keys='delimiter = "\\t"\n'),
    text("declared bars", "lead_id|created_at\nL1|2026-03-01\n", Rows(1), keys="delimiter = '|'\n"),
    text(
        "a delimiter of two bytes", "lead_id§created_at\nL1§2026-03-01\n", Rows(1), keys="delimiter = '§'\n"
    ),
    text(
        "a line that never ends",
        LEADS + "x" * 3_000_000,
        Refused("has a line of more than two million bytes"),
    ),
    text("a header that never ends", "x" * 3_000_000, Refused("the header cannot be read")),
    text(
        "a value of ten million characters",
        LEADS + 'L1,2026-03-01,"' + "x" * 10_000_000 + '",s\n' + lead(2),
        Refused("has a line of more than two million bytes"),
    ),
    text(
        "a value of one and a half million characters",
        LEADS + 'L1,2026-03-01,"' + "x" * 1_500_000 + '",s\n' + lead(2),
        Rows(2, values={"length(campaign)": [1_500_000, 1]}),
    ),
)
