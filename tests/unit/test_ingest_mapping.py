"""Foreign exports: expressions of the settings instead of code, and what they may not do."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from export_folder import ExportFolder

DEALS = "deal_no,Stage Name,won?,value,created_at\n1,Won,x,12,2026-01-01\n2,Lost,,abc,2026-01-02\n"


@pytest.fixture
def export(tmp_path: Path) -> ExportFolder:
    folder = ExportFolder(tmp_path, duckdb.connect())
    folder.write("deals.csv", DEALS)
    return folder


def mapped(export: ExportFolder, **columns: str) -> None:
    given = {"opportunity_id": "deal_no", "stage": '"Stage Name"', **columns}
    export.keys = (
        '[sources.crm.tables.opportunities]\nfiles = "deals.csv"\n'
        "[sources.crm.tables.opportunities.columns]\n"
        + "".join(f"{name} = '''\n{expression}'''\n" for name, expression in given.items())
    )


def test_expressions_and_columns_of_the_same_name(export: ExportFolder) -> None:
    mapped(export, is_won='"won?" is not null -- a comment', lost_reason="lower('It''s ' || \"Stage Name\")")
    export.load("opportunities")
    columns = "(opportunity_id, stage, is_won, lost_reason, created_on::VARCHAR)"
    assert export.values(columns, "opportunities") == [
        ("1", "Won", True, "it's won", "2026-01-01"),
        ("2", "Lost", False, "it's lost", "2026-01-02"),
    ]
    assert export.values("_other_columns", "opportunities")[0] == (
        '{"deal_no":"1","Stage Name":"Won","won?":"x","value":"12","created_at":"2026-01-01"}'
    )


def test_an_address_that_is_kept_as_a_hash_is_kept_nowhere_else(export: ExportFolder) -> None:
    export.keys = (
        '[sources.crm.tables.leads]\nfiles = "people.csv"\n[sources.crm.tables.leads.columns]\n'
        'lead_id = "no"\nemail = "coalesce(work, home)"\ncampaign = "split_part(work, \'@\', 2)"\n'
    )
    export.write(
        "people.csv", "no,created_at,work,Home,note\n1,2026-01-01,,a@x.nl,n\n2,2026-01-01,b@x.nl,,n\n"
    )
    export.load()
    hashes = [hashlib.sha256(address).hexdigest() for address in (b"a@x.nl", b"b@x.nl")]
    assert export.values("email_hash") == hashes
    # what another column is made of stays
    assert export.values("_other_columns ->> 'work'") == [None, "b@x.nl"]
    assert export.values("_other_columns ->> 'note'") == ["n", "n"]
    assert "a@x.nl" not in str(export.values("_other_columns"))


def test_text_from_an_expression_is_read_as_text_of_the_file(export: ExportFolder) -> None:
    mapped(export, amount="value")
    load = export.load("opportunities")
    assert (load.rows_loaded, load.rows_quarantined) == (1, 1)
    assert export.quarantine()[0][:3] == (3, 2, "amount")


def test_an_expression_that_fails_on_a_row_quarantines_the_row(export: ExportFolder) -> None:
    mapped(export, amount="cast(value as decimal(10, 2)) * 2")
    load = export.load("opportunities")
    assert (load.rows_loaded, load.rows_quarantined) == (1, 1)
    assert export.values("amount", "opportunities") == [Decimal("24.00")]
    assert export.quarantine() == [(3, 2, "amount", "amount: the mapped expression fails on this row")]


def test_an_expression_that_gives_nothing_is_no_failure(export: ExportFolder) -> None:
    mapped(export, amount="try_cast(value as decimal(10, 2))", lead_id="nullif(deal_no, '2')")
    export.load("opportunities")
    assert export.values("(amount, lead_id)", "opportunities") == [(Decimal("12.00"), "1"), (None, None)]


def test_a_required_column_from_an_expression_may_not_be_empty(export: ExportFolder) -> None:
    mapped(export, stage="case deal_no when '1' then 'Won' end")
    export.load("opportunities")
    assert export.quarantine() == [(3, 2, "stage", "stage: is required and empty")]


def test_null_spellings_are_null_before_an_expression_sees_them(export: ExportFolder) -> None:
    mapped(export, amount="coalesce(value, '7')")
    export.keys = "null_values = ['abc']\n" + export.keys
    export.load("opportunities")
    assert export.values("amount", "opportunities") == [Decimal("12.00"), Decimal("7.00")]


@pytest.mark.parametrize(
    "expression",
    [
        "1); DROP TABLE raw_files.leads; SELECT (1",
        "1), (2",
        "1) from raw_files.leads where (1=1",
        "deal_no; select 1",
        "(select max(table_name) from information_schema.tables)",
        "exists (select 1)",
        "deal_no in (select 1)",
        "(from read_csv('/etc/passwd') select 1)",
        "deal_no /*",
        "-- nothing",
        "deal_no as x",
        "*",
        "columns('.*')",
        "$1",
        "?",
        "#1",
        "default",
        "max(deal_no)",
        "count(*)",
        "row_number() over ()",
        "now()",
        "current_date",
        "today()",
        "random()",
        "uuid()",
        "nextval('s')",
        "current_setting('threads')",
        "current_user",
        "getvariable('x')",
        "getenv('HOME')",
        "unnest([1, 2])",
        "read_text('/etc/passwd')",
        "age(created_at::timestamp)",
        "ago(interval 1 day)",
        "no_such_function(deal_no)",
        "deal_no +",
        "error('x')",
        "deal_no + [1]",
    ],
)
def test_an_expression_depends_on_one_row_and_does_nothing_else(
    export: ExportFolder, expression: str
) -> None:
    mapped(export, lost_reason=expression)
    sentence = export.refusal("opportunities")
    assert "sources.crm.tables.opportunities.columns.lost_reason" in sentence


@pytest.mark.parametrize(
    "expression",
    [
        "case when value > '5' then 'a' else 'b' end",
        "list_transform(['a'], x -> x || deal_no)[1]",
        "list_transform(['a'], lambda x: x || deal_no)[1]",
        "regexp_replace(value, '[^0-9]', '', 'g')",
        "strftime(strptime(created_at, '%Y-%m-%d') + interval 1 day, '%Y-%m-%d')",
        "split_part(created_at, '-', 1)",
        "nullif(trim(value), '') || coalesce(deal_no, '')",
        "array_to_string(['a', deal_no], '-')",
        "deal_no::int % 2 = 0",
        "'a;b'",
        "DEAL_NO",
    ],
)
def test_ordinary_expressions_are_accepted(export: ExportFolder, expression: str) -> None:
    mapped(export, lost_reason=expression)
    assert export.load("opportunities").rows_loaded == 2


def test_an_expression_over_a_column_that_is_not_there(export: ExportFolder) -> None:
    mapped(export, amount="valeu * 2")
    sentence = export.refusal("opportunities")
    assert (
        "columns.amount: names the column 'valeu', but the file has: deal_no, Stage Name, won?," in sentence
    )
    assert "zeven.toml" in sentence


def test_a_mapping_to_a_column_that_the_format_does_not_have(export: ExportFolder) -> None:
    mapped(export, amont="value")
    sentence = export.refusal("opportunities")
    assert "the format has no column 'amont' in opportunities, did you mean amount?" in sentence


def test_one_file_can_give_several_tables(export: ExportFolder) -> None:
    mapped(export)
    export.keys += '[sources.crm.tables.products]\nfiles = "deals.csv"\n'
    export.keys += "[sources.crm.tables.products.columns]\nproduct_id = 'value'\n"
    assert export.load("opportunities").rows_loaded == 2
    assert export.load("products").rows_loaded == 2
    assert export.rows("SELECT count(DISTINCT batch_id) FROM raw_files.load_ledger") == [(2,)]


def test_a_changed_expression_loads_the_file_again(export: ExportFolder) -> None:
    mapped(export, lost_reason="'a'")
    export.load("opportunities")
    mapped(export, lost_reason="'b'")
    assert export.scan()[0].reason == "reading"
    export.load("opportunities")
    assert export.values("lost_reason", "opportunities") == ["b", "b"]


def test_native_types_of_parquet_reach_the_expression(export: ExportFolder) -> None:
    path = export.folder / "deals.csv"
    export.con.execute(
        "COPY (SELECT 1 AS deal_no, 'Won' AS \"Stage Name\", DATE '2026-01-01' AS created_at,"
        f" {{'v': 12.5}} AS money) TO '{path}' (FORMAT parquet)"
    )
    mapped(export, amount="money.v * 2", closed_on="created_at + 30")
    export.keys = export.keys.replace('files = "deals.csv"', 'files = "deals.csv"\nformat = "parquet"')
    export.load("opportunities")
    assert export.values("amount", "opportunities") == [Decimal("25.00")]
    assert export.values("closed_on::VARCHAR", "opportunities") == ["2026-01-31"]


def test_an_unknown_ending_needs_a_declared_format(export: ExportFolder) -> None:
    export.write("deals.txt", DEALS)
    mapped(export)
    export.keys = export.keys.replace("deals.csv", "deals.txt")
    assert "the ending of deals.txt tells no format" in export.refusal("opportunities")
    export.keys = export.keys.replace('files = "deals.txt"', 'files = "deals.txt"\nformat = "csv"')
    assert export.load("opportunities").rows_loaded == 2
