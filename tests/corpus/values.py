"""Values in CSV: amounts, dates and ids as people and programs write them.

Belongs here: what one value may be. Does not belong here: values with a type of their own (`parquet.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.corpus.case import ALL_MAY_FAIL, DEALS, LEADS, Case, Refused, Rows, lead, text

AMSTERDAM = 'time_zone = "Europe/Amsterdam"\n'


def leads(name: str, written: Sequence[str], read: Sequence[str | None], keys: str = "") -> Case:
    """One lead per creation date as written, and how it is read: an instant in UTC, a day, or not (None)."""
    content = LEADS + "".join(f"L{number},{value},c,s\n" for number, value in enumerate(written, 1))
    bad = [(number, "created_at: ") for number, value in enumerate(read, 1) if value is None]
    good = [value for value in read if value is not None]
    stored = "coalesce(created_at::VARCHAR, created_on::VARCHAR)"
    return text(name, content, Rows(len(good), bad, {stored: good}), keys=keys)


def deals(name: str, column: str, written: Sequence[str], read: Sequence[Any], keys: str = "") -> Case:
    """One opportunity per amount or probability as written, and its value; None where it cannot be read."""
    row = {"amount": 'O{},2026-03-01,Open,"{}",\n', "probability": 'O{},2026-03-01,Open,,"{}"\n'}[column]
    content = DEALS + "".join(row.format(number, value) for number, value in enumerate(written, 1))
    bad = [(number, f"{column}: ") for number, value in enumerate(read, 1) if value is None]
    good = [value for value in read if value is not None]
    expected = Rows(len(good), bad, {column: good})
    return text(name, content, expected, file="opportunities.csv", table="opportunities", keys=keys)


CASES: tuple[Case, ...] = (
    deals(
        "amounts of an office program",
        "amount",
        ["€ 3.500,00", "(1,200.00)", "1,200.00", "$5", "5 EUR", "1'000", "1 000", "1\u00a0000", "50%", "5-"],
        [None] * 10,
    ),
    deals(
        "amounts with a decimal comma",
        "amount",
        ["3500,00", "3.500,00", "3500.00", "-0,5"],
        [Decimal("3500.00"), None, None, Decimal("-0.50")],
        keys='decimal_separator = ","\n',
    ),
    deals(
        "amounts as programs print them",
        "amount",
        ["1e3", "1E+03", "+5", ".5", "5.", " 5 ", "00012", "-0", "1e-400"],
        [Decimal(x) for x in ("1000", "1000", "5", "0.5", "5", "5", "12", "0", "0")],
    ),
    deals(
        "amounts that no amount is",
        "amount",
        [
            "1e400",
            "-1e400",
            "NaN",
            "Infinity",
            "1_000",
            "0x10",
            "--5",
            "1e999999999",
            "１２",
            "٣",
            "99999999999999999",
        ],
        [None] * 11,
    ),
    deals(
        "amounts whose digits all fall off",  # DuckDB's own cast makes 0.01 of the first
        "amount",
        ["9e-10", "9.99E-4", "4.999e-3", "5E-3", "-9e-30"],
        [Decimal(x) for x in ("0", "0", "0", "0.01", "0")],
    ),
    deals("the largest amount", "amount", ["9999999999999999.99"], [Decimal("9999999999999999.99")]),
    deals("probabilities that are no number", "probability", ["NaN", "inf", "1e400", "half"], [None] * 4),
    leads(
        "days that no calendar has",
        ["2026-02-29", "2024-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "0000-00-00", "2026-2-3"],
        [None, "2024-02-29", None, None, None, None, None],
    ),
    leads(
        "the ends of time",
        [
            "0001-01-01",
            "9999-12-31",
            "1899-12-31",
            "1900-01-01",
            "2200-12-31",
            "2201-01-01",
            "infinity",
            "epoch",
        ],
        [None, None, None, "1900-01-01", "2200-12-31", None, None, None],
    ),
    leads("days as a workbook counts them", ["46082", "46082.5", "20260301"], [None, None, None]),
    leads(
        "two ways to write a date in one column",
        ["01/02/2026", "2026-02-01", "13/02/2026", "02/13/2026"],
        ["2026-02-01", None, "2026-02-13", None],
        keys='date_format = "%d/%m/%Y"\n',
    ),
    leads("digits that are none of ours", ["２０２６-03-01", "٢٠٢٦-03-01"], [None, None]),
    leads(
        "an hour that the clocks skip, and one that they repeat",
        ["2026-03-29 02:30", "2026-10-25 02:30", "2026-03-29 03:30"],
        ["2026-03-29 01:30:00", "2026-10-25 01:30:00", "2026-03-29 01:30:00"],
        keys=AMSTERDAM,
    ),
    leads(
        "offsets, real and not",
        [
            "2026-03-01T10:00:00+14:00",
            "2026-03-01T10:00:00-12",
            "2026-03-01T10:00:00+99:00",
            "2026-03-01T10:00+01:75",
        ],
        ["2026-02-28 20:00:00", "2026-03-01 22:00:00", None, None],
    ),
    leads(
        "times that no clock shows",
        [
            "2026-03-01T25:00:00",
            "2026-03-01T10:60:00",
            "2026-03-01T23:59:60",
            "2026-03-01T10:00:00.1234567891",
        ],
        [None] * 4,
    ),
    text(
        "ids beyond what a fraction holds, and with zeros before them",
        LEADS
        + "9007199254740993,2026-03-01,c,s\n0042,2026-03-01,c,s\n1e5,2026-03-01,c,s\n1.0,2026-03-01,c,s\n",
        Rows(4, values={"lead_id": ["9007199254740993", "0042", "1e5", "1.0"]}),
    ),
    text(
        "words for nothing that are not declared",
        LEADS + "NULL,2026-03-01,N/A,None\n",
        Rows(1, values={"(lead_id, campaign, source)": [("NULL", "N/A", "None")]}),
    ),
    text(
        "words for nothing that are declared",
        LEADS + "L1,2026-03-01,N/A,'; drop\nN/A,2026-03-01,c,s\n",
        Rows(1, [(2, "lead_id: is required and empty")], {"(campaign, source)": [(None, None)]}),
        keys="null_values = ['N/A', \"'; drop\"]\n",
    ),
    text(
        "a word for nothing that no value can be",
        LEADS + lead(1),
        Refused("holds the delimiter or the quote"),
        keys=ALL_MAY_FAIL + "null_values = ['a,b']\n",
    ),
    text(
        "numbers below zero where none can be",  # loaded as they are: the contracts judge what they mean
        "rep_id,lead_capacity\nR1,-5\nR2,1e3\nR3,2.5\nR4,9223372036854775808\n",
        Rows(
            2,
            [(3, "lead_capacity: '2.5' is no whole number"), (4, "lead_capacity: ")],
            {"lead_capacity": [-5, 1000]},
        ),
        file="reps.csv",
        table="reps",
    ),
    text(
        "words for yes and no",
        "lead_id,created_at,is_deleted\n"
        + "".join(
            f"L{number},2026-03-01,{word}\n"
            for number, word in enumerate(["TRUE", "n", "ja", "2", "1.0", "-1"], 1)
        ),
        Rows(2, [(number, "is_deleted: ") for number in (3, 4, 5, 6)], {"is_deleted": [True, False]}),
    ),
    text(
        "a format of dates that is SQL",
        LEADS + lead(1),
        Rows(0, [(1, "created_at: '2026-03-01' is neither")]),
        keys='date_format = "%Y\'); drop table raw_files.leads; --"\n',
    ),
    text(
        "a format of dates with a null character",
        LEADS + lead(1),
        Refused("date_format: this must not hold a null character"),
        keys='date_format = "%Y\\u0000"\n',
    ),
)
