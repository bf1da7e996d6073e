"""Text in another encoding than declared, in two at once, or in none.

Belongs here: bytes and characters. Does not belong here: lines and columns.
"""

from __future__ import annotations

from tests.corpus.case import LEADS, Case, Refused, Rows, lead, text

UTF_16 = 'encoding = "utf-16"\n'
PLAIN = LEADS + lead(1)

CASES: tuple[Case, ...] = (
    text("a null character", LEADS + "L1,2026-03-01,a\0b,s\n", Refused(":2: holds control characters")),
    text(
        "two encodings in one file",
        PLAIN.encode() + "L2,2026-03-02,é,s\n".encode("cp1252"),
        Refused(":3: holds the byte 0xe9, which is no utf-8 text"),
    ),
    text("UTF-16 undeclared", PLAIN.encode("utf-16"), Refused('set encoding = "utf-16"')),
    text("UTF-16 without a mark, undeclared", PLAIN.encode("utf-16-le"), Refused("holds control characters")),
    text("UTF-16 declared", PLAIN.encode("utf-16"), Rows(1), keys=UTF_16),
    text(
        "UTF-16 declared, without a mark",
        PLAIN.encode("utf-16-le"),
        Refused("no utf-16 text with a byte order mark"),
        keys=UTF_16,
    ),
    text("UTF-16 cut in a character", PLAIN.encode("utf-16")[:-1], Refused("no utf-16 text"), keys=UTF_16),
    text(
        "half a surrogate in UTF-16",
        (LEADS + "L1,2026-03-01,").encode("utf-16") + b"\x00\xd8" + ",s\n".encode("utf-16-le"),
        Refused("no utf-16 text"),
        keys=UTF_16,
    ),
    text(
        "half a surrogate in UTF-8",
        LEADS.encode() + b"L1,2026-03-01,\xed\xa0\x80,s\n",
        Refused("no utf-8 text"),
    ),
    text("a slash in two bytes", LEADS.encode() + b"L1,2026-03-01,\xc0\xaf,s\n", Refused("no utf-8 text")),
    text(
        "Windows-1252",
        (LEADS + "L1,2026-03-01,Zoë €,s\n").encode("cp1252"),
        Rows(1, values={"campaign": ["Zoë €"]}),
        keys='encoding = "windows-1252"\n',
    ),
    text(
        "Windows-1252 as Latin-1",
        (LEADS + "L1,2026-03-01,Zoë €,s\n").encode("cp1252"),
        Refused('set encoding = "windows-1252"'),
        keys='encoding = "latin-1"\n',
    ),
    text("a byte order mark", "\ufeff" + PLAIN, Rows(1, values={"lead_id": ["L1"]})),
    text("two byte order marks", "\ufeff\ufeff" + PLAIN, Rows(1, values={"lead_id": ["L1"]})),
    text(
        "two exports one behind the other",  # the mark of the second is in the middle
        PLAIN + "\ufeff" + LEADS + lead(2),
        Rows(2, [(2, "created_at: 'created_at' is neither a timestamp")], {"lead_id": ["L1", "L2"]}),
    ),
    text(
        "one name in two forms of Unicode is two ids",
        LEADS + "caf\u00e9,2026-03-01,c,s\ncafe\u0301,2026-03-01,c,s\n",
        Rows(2, values={"lead_id": ["caf\u00e9", "cafe\u0301"]}),
    ),
    text(
        "marks of the direction of writing",
        LEADS + "\u202eL1,2026-03-01,\u200fc,s\n",
        Rows(1, values={"lead_id": ["\u202eL1"], "campaign": ["\u200fc"]}),
    ),
    text(
        "spaces that take no room",
        LEADS + "L\u200b1,2026-03-01,c,s\nL1,2026-03-01,c,s\n",
        Rows(2, values={"lead_id": ["L\u200b1", "L1"]}),
    ),
    text(
        "an id of no-break spaces",
        LEADS + "\u00a0,2026-03-01,c,s\n" + lead(2),
        Rows(1, [(1, "lead_id: is required and empty")]),
    ),
    text(
        "emojis, also of several characters",
        LEADS + "L1,2026-03-01,😀,\U0001f468\u200d\U0001f469\u200d\U0001f467\n",
        Rows(1, values={"campaign": ["😀"], "source": ["\U0001f468\u200d\U0001f469\u200d\U0001f467"]}),
    ),
    text(
        "other ends of lines that Unicode knows",
        LEADS + "L1,2026-03-01,a\u0085b,a\u2028b\n",
        Rows(1, values={"campaign": ["a\u0085b"], "source": ["a\u2028b"]}),
    ),
    text(
        "a workbook's formulas",
        LEADS + "L1,2026-03-01,=cmd|' /C calc'!A0,@SUM(1+1)\n",
        Rows(1, values={"campaign": ["=cmd|' /C calc'!A0"], "source": ["@SUM(1+1)"]}),
    ),
)
