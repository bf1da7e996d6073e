"""What a value in a file becomes: every kind, as text and as native type, in declared formats."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from export_folder import ExportFolder


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    return ExportFolder(tmp_path, duckdb.connect(), keys="max_quarantine_ratio = 1\n")


at = datetime.fromisoformat


def moments(export: ExportFolder, values: list[str]) -> dict[str, Any]:
    """What each text becomes as `created_at`: an instant in UTC, a date, or the reason of its quarantine."""
    export.write("leads.csv", "lead_id,created_at\n" + "".join(f'"{value}","{value}"\n' for value in values))
    load = export.load()
    assert load.rows_in == len(values)
    assert (
        export.rows("SELECT * FROM raw_files.leads WHERE (created_at IS NULL) = (created_on IS NULL)") == []
    )
    either = "coalesce(created_at::VARCHAR, created_on::VARCHAR)"
    found = dict(export.rows(f"SELECT lead_id, {either} FROM raw_files.leads"))
    bad = export.rows("SELECT record ->> 'lead_id', reason FROM raw_files.quarantine")
    return {**found, **dict(bad)}


def test_iso_timestamps_with_and_without_offset(export: ExportFolder) -> None:
    export.keys += 'time_zone = "Europe/Amsterdam"\n'
    expected = {
        "2026-03-29": "2026-03-29",
        "2026-03-29T01:30:00+02:00": "2026-03-28 23:30:00",
        "2026-03-29 01:30:00Z": "2026-03-29 01:30:00",
        "2026-03-29 01:30:00 UTC": "2026-03-29 01:30:00",
        "2026-03-29T01:30Z": "2026-03-29 01:30:00",
        "2026-03-29T01:30-0530": "2026-03-29 07:00:00",
        "2026-03-29 01:30:00 +0200": "2026-03-28 23:30:00",
        "2026-03-29 01:30:00+02": "2026-03-28 23:30:00",
        "2026-03-29T01:30:00.123456Z": "2026-03-29 01:30:00.123456",
        "2026-01-15 12:00:00": "2026-01-15 11:00:00",
        "2026-07-15 12:00": "2026-07-15 10:00:00",
        # the night of the clock change: 01:59 winter time, then 03:00 summer time
        "2026-03-29 01:59:59": "2026-03-29 00:59:59",
        "2026-03-29 03:00:00": "2026-03-29 01:00:00",
        "2026-03-29 02:30:00": "2026-03-29 01:30:00",  # on no clock: as if not put forward yet
        "2025-10-26 02:30:00": "2025-10-26 01:30:00",  # exists twice: the second one
        "1900-01-01": "1900-01-01",
        "2200-12-31": "2200-12-31",
    }
    assert moments(export, list(expected)) == expected


@pytest.mark.parametrize(
    "value",
    [
        "2026-13-01",
        "2026-02-30",
        "29-03-2026",
        "2026/03/29",
        "2026-3-9",
        "yesterday",
        "infinity",
        "epoch",
        "2026-03-29T",
        "2026-03-29 25:00:00",
        "2026-03-29 01:30:00 Europe/Paris",
        "12/1/13",
        "1774746000",
        "2026-03-29 (BC)",
    ],
)
def test_what_is_no_moment_is_quarantined(export: ExportFolder, value: str) -> None:
    expected = f'created_at: \'{value}\' is neither a timestamp ("iso") nor a date ("%Y-%m-%d")'
    assert moments(export, [value]) == {value: expected}


@pytest.mark.parametrize("value", ["1899-12-31", "2201-01-01", "9999-12-31", "0001-01-01 00:00:00"])
def test_years_that_cannot_be_are_quarantined(export: ExportFolder, value: str) -> None:
    (reason,) = moments(export, [value]).values()
    assert "lies outside the years 1900 to 2200" in reason
    assert 'if it stands for "no date": null_values for CSV' in reason


def test_declared_formats(export: ExportFolder) -> None:
    export.keys += "date_format = '%d-%m-%Y'\ntimestamp_format = '%d-%m-%Y %H:%M'\n"
    export.keys += "time_zone = 'Europe/Amsterdam'\n"
    assert moments(export, ["05-03-2026", "05-03-2026 12:00"]) == {
        "05-03-2026": "2026-03-05",
        "05-03-2026 12:00": "2026-03-05 11:00:00",
    }


def test_a_declared_format_with_an_offset(export: ExportFolder) -> None:
    export.keys += "timestamp_format = '%Y%m%d %H%M %z'\ntime_zone = 'Europe/Amsterdam'\n"
    assert moments(export, ["20260305 1200 +0530"]) == {"20260305 1200 +0530": "2026-03-05 06:30:00"}
    assert "is neither" in moments(export, ["20260305 1200"])["20260305 1200"]


def test_the_time_zone_of_the_session_changes_nothing(export: ExportFolder) -> None:
    export.con.execute("SET TimeZone = 'America/New_York'")
    export.keys += 'time_zone = "Europe/Amsterdam"\n'
    assert moments(export, ["2026-01-15 12:00:00", "2026-01-15 12:00:00Z", "2026-01-15"]) == {
        "2026-01-15 12:00:00": "2026-01-15 11:00:00",
        "2026-01-15 12:00:00Z": "2026-01-15 12:00:00",
        "2026-01-15": "2026-01-15",
    }


def test_a_day_is_a_date_unless_it_has_a_time(export: ExportFolder) -> None:
    export.write(
        "opportunities.csv",
        "opportunity_id,created_at,stage,closed_on\n"
        + "".join(
            f"O{number},2026-01-01 00:00:00,s,{value}\n"
            for number, value in enumerate(
                ["2026-03-31", "2026-03-31 00:00:00", "2026-03-31T00:00:00Z", "2026-03-31 17:00:00", ""]
            )
        ),
    )
    export.keys += 'time_zone = "Europe/Amsterdam"\n'
    export.load("opportunities")
    assert export.values("(closed_on, closed_at)", "opportunities") == [
        (date(2026, 3, 31), None),
        (date(2026, 3, 31), None),
        (None, at("2026-03-31 00:00")),
        (None, at("2026-03-31 15:00")),
        (None, None),
    ]
    assert export.values("created_at", "opportunities")[0] == at("2025-12-31 23:00")  # a moment is an instant


def amounts(export: ExportFolder, values: list[str]) -> list[Any]:
    lines = "".join(f'O{number},2026-01-01,s,"{value}"\n' for number, value in enumerate(values))
    export.write("opportunities.csv", "opportunity_id,created_at,stage,amount\n" + lines)
    export.load("opportunities")
    return export.values("amount", "opportunities")


def test_amounts(export: ExportFolder) -> None:
    given = ["12", " -12.5 ", "+.5", "12.", "1.5E+06", "0.125", "9999999999999999.99", ""]
    wanted = ["12.00", "-12.50", "0.50", "12.00", "1500000.00", "0.13", "9999999999999999.99"]
    assert amounts(export, given) == [*(Decimal(value) for value in wanted), None]


def test_amounts_with_a_decimal_comma(export: ExportFolder) -> None:
    export.keys += "decimal_separator = ','\n"
    assert amounts(export, ["1234,56", "12", "1.234,56", "12.50"]) == [Decimal("1234.56"), Decimal("12.00")]
    assert 'written with "," before the decimals' in export.quarantine()[0][3]


@pytest.mark.parametrize(
    "value",
    [
        "1,234.56",
        "€ 3.500,00",
        "NaN",
        "inf",
        "1_000",
        "0x1F",
        "1 000",
        "12,5",
        "99999999999999999",
        "ten",
        "-",
    ],
)
def test_what_is_no_amount_is_quarantined_and_never_guessed(export: ExportFolder, value: str) -> None:
    assert amounts(export, [value]) == []
    line, number, column, reason = export.quarantine()[0]
    assert (line, number, column) == (2, 1, "amount")
    assert reason.startswith(f"amount: '{value}' is no number that fits")


def test_booleans(export: ExportFolder) -> None:
    given = ["true", "T", "YES", "y", "1", "False", "f", "no", "N", "0", "", "2", "on"]
    lines = "".join(f"L{number},2026-01-01,{value}\n" for number, value in enumerate(given))
    export.write("leads.csv", "lead_id,created_at,is_deleted\n" + lines)
    export.load()
    assert export.values("is_deleted") == [True] * 5 + [False] * 5 + [None]
    assert [entry[1] for entry in export.quarantine()] == [12, 13]


def test_whole_numbers_and_fractions(export: ExportFolder) -> None:
    export.write("leads.csv", "lead_id,created_at\nL1,2026-01-01\n")
    export.write("reps.csv", "rep_id,lead_capacity,hired_on\nR1,40,\nR2,40.0,2026-01-01\nR3,40.5,\nR4,4e1,\n")
    export.load("reps")
    assert export.values("lead_capacity", "reps") == [40, 40, 40]
    assert export.quarantine()[0][3] == "lead_capacity: '40.5' is no whole number"
    export.write(
        "opportunity_products.csv",
        "opportunity_id,product_id,quantity\nO,P,1.5\nO,P,nan\nO,P,1e400\nO,P,20%\n",
    )
    export.load("opportunity_products")
    assert export.values("quantity", "opportunity_products") == [1.5]


def test_calendar_dates_and_rates(export: ExportFolder) -> None:
    export.keys += 'time_zone = "Pacific/Auckland"\n'
    export.write("leads.csv", "lead_id,created_at\nL1,2026-01-01\n")
    export.write(
        "exchange_rates.csv",
        "currency,valid_from,rate\nUSD,2026-01-01,0.92345678\nUSD,2026-01-02 00:00:00,1\n"
        "USD,2026-01-03 10:00:00,1\n",
    )
    export.load("exchange_rates")
    assert export.values("(valid_from, rate)", "exchange_rates") == [
        (date(2026, 1, 1), Decimal("0.92345678")),
        (date(2026, 1, 2), Decimal("1.00000000")),
    ]
    assert export.quarantine()[0][2] == "valid_from"


def hash_of(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()


def test_only_the_hash_of_an_address_is_kept_and_no_row_is_put_aside_for_one(export: ExportFolder) -> None:
    hashed = hash_of("other@example.com")
    given = (" Jan@Example.com ", "Jan <jan@example.com>", "a=b@x.nl", hashed.upper(), "n/a", "@", "")
    lines = "".join(f'L{number},2026-01-01,"{text}"\n' for number, text in enumerate(given))
    export.write("leads.csv", f"lead_id,created_at,Email\n{lines}")
    load = export.load()
    assert (load.rows_loaded, load.rows_quarantined, load.findings) == (7, 0, ())
    jan = hash_of("jan@example.com")
    found = export.rows("SELECT email_hash FROM raw_files.leads ORDER BY lead_id")
    assert [value for (value,) in found] == [jan, jan, hash_of("a=b@x.nl"), hashed, None, None, None]
    assert export.values("_other_columns") == [None] * 7


def test_all_bad_columns_of_a_row_are_named_and_the_row_is_counted_once(export: ExportFolder) -> None:
    export.write("opportunities.csv", "opportunity_id,created_at,stage,amount\n ,x,,y\nO1,2026-01-01,s,1\n")
    load = export.load("opportunities")
    assert (load.rows_in, load.rows_quarantined) == (2, 1)
    ((line, number, column, reason),) = export.quarantine()
    assert (line, number, column) == (2, 1, "opportunity_id, created_at, stage, amount")
    assert reason.startswith("opportunity_id: is required and empty; created_at: 'x' is neither")
    record = export.rows("SELECT record FROM raw_files.quarantine")
    assert record == [('{"opportunity_id":" ","created_at":"x","stage":null,"amount":"y"}',)]


def test_a_reason_names_its_column_even_when_the_value_has_colons(export: ExportFolder) -> None:
    export.write("leads.csv", "lead_id,created_at,is_deleted\nL1,10:00: o'clock,it's: so\n")
    export.load()
    ((_, _, column, reason),) = export.quarantine()
    assert column == "created_at, is_deleted"
    assert "'10:00: o'clock' is neither" in reason


def test_native_types_of_parquet(export: ExportFolder) -> None:
    export.keys += 'time_zone = "Europe/Amsterdam"\ndecimal_separator = ","\n'
    export.folder.mkdir()
    export.con.execute(
        f"""COPY (SELECT
            17.0::DOUBLE AS opportunity_id, 's' AS stage, TIMESTAMP '2026-01-15 12:00:00' AS created_at,
            TIMESTAMPTZ '2026-01-15 12:00:00+00' AS updated_at, DATE '2026-03-31' AS closed_on,
            TIMESTAMP '2026-03-31 00:00:00' AS expected_close_on, 12.345::DOUBLE AS amount,
            1::TINYINT AS is_won, 0.5::FLOAT AS probability, true AS is_deleted, 42 AS owner_id,
            ['a', 'b'] AS tags
        UNION ALL SELECT 17.5, 's', TIMESTAMP '2026-01-15 12:00:00', NULL, NULL, NULL, 'nan'::DOUBLE, 2,
            NULL, NULL, 1, []
        ) TO '{export.folder / "opportunities.parquet"}'"""
    )
    export.load("opportunities")
    columns = (
        "opportunity_id, created_at, updated_at, closed_on, expected_close_on, amount, is_won, probability,"
        " is_deleted, owner_id, _other_columns, _source_row"
    )
    assert export.rows(f"SELECT {columns} FROM raw_files.opportunities") == [
        (
            "17",
            at("2026-01-15 11:00"),
            at("2026-01-15 12:00"),
            date(2026, 3, 31),
            date(2026, 3, 31),
            Decimal("12.35"),
            True,
            0.5,
            True,
            "42",
            '{"tags":["a","b"]}',
            1,
        )
    ]
    assert [entry[:3] for entry in export.quarantine()] == [(None, 2, "amount, is_won")]


def test_json_values_keep_their_decimal_point_and_nested_ones_their_json(export: ExportFolder) -> None:
    export.keys += "decimal_separator = ','\n"
    export.write(
        "opportunities.jsonl",
        '{"opportunity_id": 1, "created_at": "2026-01-01", "stage": "s", "amount": 12.5, "is_won": false,'
        ' "x/y": {"a": [1]}}\n'
        '{"opportunity_id": "2", "created_at": "2026-01-01", "stage": "s", "amount": "13.5"}\n',
    )
    export.load("opportunities")
    assert export.values("(opportunity_id, amount, is_won)", "opportunities") == [
        ("1", Decimal("12.50"), False),
        ("2", Decimal("13.50"), None),
    ]
    assert export.values("_other_columns", "opportunities") == ['{"x/y":"{\\"a\\":[1]}"}', None]
