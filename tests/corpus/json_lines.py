"""JSON lines: broken ones, nested ones, keys that stand twice or are no names.

Belongs here: JSON. Does not belong here: how a date or an amount is read (`values.py`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.corpus.case import Case, Refused, Rows, text

ON = '"created_at": "2026-03-01"'
GOOD = f'{{"lead_id": "G", {ON}}}'
NO_OBJECT = "the line is no JSON object"


def lines(name: str, written: Sequence[str], expected: Rows | Refused, **more: Any) -> Case:
    return text(name, "\n".join(written), expected, file="leads.jsonl", **more)


CASES: tuple[Case, ...] = (
    lines("an empty file of JSON lines", [], Rows(0)),
    lines("a last line that is cut off", [GOOD, '{"lead_id": "2", "crea'], Rows(1, [(2, NO_OBJECT)])),
    lines(
        "what is nearly JSON",
        [f'{{"lead_id": "1", {ON},}}', "// no", f"{GOOD} more", f"{GOOD}{GOOD}", "{'lead_id': 1}", GOOD],
        Rows(2, [(number, NO_OBJECT) for number in range(2, 6)], {"lead_id": ["1", "G"]}),
    ),
    lines(
        "one array",
        ["[" + GOOD + "]"],
        Refused("has 1 line and no column in any"),
    ),
    lines(
        "one document over many lines",
        json.dumps([{"a": 1}], indent=1).split("\n"),
        Refused("one JSON document"),
    ),
    lines(
        "a key twice in an object",
        [f'{{"lead_id": "1", "lead_id": "2", {ON}}}', GOOD],
        Rows(1, [(1, "a key stands more than once")], {"lead_id": ["G"]}),
    ),
    lines(
        "a key twice but for its case",
        [f'{{"lead_id": "1", "LEAD_ID": "2", {ON}}}', GOOD],
        Refused("more than once"),
    ),
    lines(
        "keys that are no names",
        [
            json.dumps(
                {
                    "lead_id": "1",
                    "created_at": "2026-03-01",
                    "": 1,
                    'a"b': 2,
                    "a.b": 3,
                    "$[0]": 4,
                    "😀": 5,
                    "'": 6,
                }
            )
        ],
        Rows(
            1,
            values={"_other_columns ->> 'a\"b'": ["2"], "_other_columns ->> '😀'": ["5"]},
            told=["column_1"],
        ),
    ),
    lines(
        "a key with a null character",
        [f'{{"lead_id": "1", "x\\u0000y": 1, {ON}}}'],
        Refused("no name may hold a null character"),
    ),
    lines(
        "a key that is Zeven's own",
        [f'{{"lead_id": "1", "_zeven_line": 1, {ON}}}'],
        Refused("named '_zeven_line'"),
    ),
    lines(
        "numbers as ids",
        [
            f'{{"lead_id": {number}, {ON}}}'
            for number in (9007199254740993, 12345678901234567890123, "true", "null")
        ],
        Rows(
            3,
            [(4, "lead_id: is required and empty")],
            {"lead_id": ["9007199254740993", "12345678901234567890123", "true"]},
        ),
    ),
    lines(
        "objects and lists as values",
        [f'{{"lead_id": "1", "campaign": {{"a": [1, null]}}, "source": [], {ON}}}'],
        Rows(1, values={"campaign": ['{"a":[1,null]}'], "source": ["[]"]}),
    ),
    lines(
        "halves of surrogates",
        [f'{{"lead_id": "1\\ud800", {ON}}}', f'{{"lead_id": "2\\ud83d\\ude00", {ON}}}'],
        Rows(1, [(1, NO_OBJECT)], {"lead_id": ["2😀"]}),
    ),
    lines(
        "a hundred thousand brackets",
        [f'{{"lead_id": "1", "x": {"[" * 100_000}{"]" * 100_000}, {ON}}}', GOOD],
        Rows(2, values={"length(_other_columns ->> 'x')": [200_000, None]}),
    ),
    lines(
        "a hundred thousand objects in each other",
        ['{"lead_id": "1", "x": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + f", {ON}}}", GOOD],
        Rows(2, values={"length(_other_columns ->> 'x')": [600_001, None]}),
    ),
    lines(
        "keys that are values",
        [json.dumps({"lead_id": str(n), "created_at": "2026-03-01", f"k{n}": 1}) for n in range(300)],
        Rows(300, told=["280 more columns"]),
    ),
    lines(
        "a mark and the line ends of old Macs",
        ["\ufeff" + GOOD + "\r" + GOOD.replace("G", "H") + "\r"],
        Rows(2, values={"lead_id": ["G", "H"]}),
    ),
    text("JSON lines in UTF-16", GOOD.encode("utf-16"), Refused("JSON lines are UTF-8"), file="leads.jsonl"),
    text(
        "numbers that JSON has not",
        "\n".join(
            f'{{"opportunity_id": "{number}", "stage": "Open", "amount": {value}, {ON}}}'
            for number, value in enumerate(["NaN", "-Infinity", "1e400", "1e3", "0.1", '"3,5"'], 1)
        ),
        Rows(
            2,
            [(number, "amount: ") for number in (1, 2, 3, 6)],
            {"amount": [Decimal("1000.00"), Decimal("0.10")]},
        ),
        file="opportunities.jsonl",
        table="opportunities",
    ),
)
