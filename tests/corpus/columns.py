"""Headers: names twice, names that are SQL, names of our own, more of them than anybody needs.

Belongs here: names of columns in CSV. Does not belong here: names of files (`names.py`).
"""

from __future__ import annotations

from tests.corpus.case import ALL_MAY_FAIL, LEADS, Case, Refused, Rows, lead, text

DROP = 'x"; drop table raw_files.leads; --'
DROP_QUOTED = '"' + DROP.replace('"', '""') + '"'
KEYS = ",".join(f"k{number}" for number in range(5_000))
MAPPED = (
    ALL_MAY_FAIL + '[sources.crm.tables.leads]\nfiles = "leads.csv"\n[sources.crm.tables.leads.columns]\n'
)

CASES: tuple[Case, ...] = (
    text("a column twice", "lead_id,created_at,source,source\n", Refused("'source' more than once")),
    text("a column twice but for its case", "lead_id,created_at,Source,SOURCE\n", Refused("more than once")),
    text("a column twice but for blanks", "lead_id,created_at,source, source\n", Refused("more than once")),
    text(
        "a column twice in the eyes of the database",  # the sign of the unit Kelvin folds to a k
        "lead_id,created_at,\u212a,k\n",
        Refused("'k' more than once"),
    ),
    text(
        "a header in capitals", LEADS.upper() + lead(1), Rows(1, values={"(lead_id, source)": [("L1", "s")]})
    ),
    text("blanks around names", " lead_id\t, created_at \nL1,2026-03-01\n", Rows(1)),
    text(
        "a name with a space that takes no room",
        "lead_id\u200b,created_at\nL1,2026-03-01\n",
        Refused("lacks the required column 'lead_id'"),
    ),
    text(
        "names with quotes and SQL",
        f'lead_id,created_at,"a""b",{DROP_QUOTED}\nL1,2026-03-01,1,2\nL2,never,3,4\n',
        Rows(
            1,
            [(2, "created_at: 'never'")],
            {"_other_columns ->> 'a\"b'": ["1"], f"_other_columns -> '{DROP}' ->> '$'": ["2"]},
        ),
    ),
    text(
        "names with quotes and SQL in a mapping",
        '"the ""id""; --",created_at\nL1,2026-03-01\n',
        Rows(1, values={"lead_id": ["L1"]}),
        keys=MAPPED + 'lead_id = \'"the ""id""; --"\'\n',
    ),
    text(
        "names of the raw table's own columns",
        "lead_id,created_at,_source,_batch_id,_other_columns,created_on,is_bad\nL1,2026-03-01,a,b,c,d,e\n",
        Rows(1, values={"_source": ["crm"], "_other_columns ->> '_batch_id'": ["b"]}),
    ),
    text(
        "names of the columns in between",
        "lead_id,created_at,_g0,_p1_on,_m0,reasons,record,v,rowid\nL1,2026-03-01,1,2,3,4,5,6,7\nL2,x,1,2,3,4,5,6,7\n",
        Rows(
            1,
            [(2, "created_at: 'x'")],
            {"_other_columns ->> '_g0'": ["1"], "_other_columns ->> 'rowid'": ["7"]},
        ),
    ),
    text(
        "names that are Zeven's own",
        "lead_id,created_at,_zeven_row\nL1,2026-03-01,7\n",
        Refused("has a column named '_zeven_row'"),
    ),
    text(
        "names that a terminal would obey",
        "lead_id,created_at,\x1b[2J\u202e\nL1,2026-03-01,a\n",
        Rows(1, values={"_other_columns -> '\x1b[2J\u202e' ->> '$'": ["a"]}, told=["'\\x1b[2J\\u202e'"]),
    ),
    text(
        "a required name that a terminal would obey",
        "lead_id\x1b[2J,created_at\nL1,2026-03-01\n",
        Refused("its columns are: lead_id\\x1b[2J, created_at"),
    ),
    text("names that are missing", "lead_id,created_at,,\nL1,2026-03-01,a,b\n", Rows(1, told=["'column_4'"])),
    text(
        "five thousand columns",
        f"lead_id,created_at,{KEYS}\nL1,2026-03-01{',v' * 5_000}\nL2,2026-03-02\n",
        Rows(
            1,
            [(2, "has 2 values where the header has 5002")],
            {"_other_columns ->> 'k4999'": ["v"]},
            ["4,980 more columns"],
        ),
    ),
    text(
        "twelve thousand columns",
        f"lead_id,created_at{',' * 12_000}\n",
        Refused("has 12,002 columns, and more than 10,000 are not read"),
    ),
    text(
        "two lines of a title before the header",
        "Export of leads\n\nlead_id,created_at\nL1,2026-03-01\n",
        Refused("lacks the required column 'lead_id'"),
    ),
    text(
        "no header", "L1,2026-03-01,c,s\nL2,2026-03-02,c,s\n", Refused("lacks the required column 'lead_id'")
    ),
    text(
        "a required column that is gone",
        "lead_id,source\nL1,s\n",
        Refused("lacks the required column 'created_at'"),
    ),
)
