"""Expressions of the settings: what they may not do, in whatever way it is written."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import SettingsError
from orchestration.expressions import LONGEST, SPECIAL_NAMES, ExpressionError, columns_named
from orchestration.settings import load_settings

ATTEMPTS = (
    # another statement
    "1); drop table raw_files.leads; select (1",
    "1; copy raw_files.leads to '/tmp/out.csv'",
    "1) ; attach '/tmp/x.duckdb' as x; --",
    "a\n); install httpfs; load httpfs; select (1\n",
    "1), (select 2",
    "1) from raw_files.leads where (true",
    "1) as x, (2",
    "1) union all select (2",
    "pragma database_list",
    "set memory_limit = '1TB'",
    "call pragma_version()",
    "copy (select 1) to '/tmp/out.csv'",
    # a query inside the expression
    "(select max(a) from t)",
    "exists (from read_csv('/etc/passwd'))",
    "a in (select 1)",
    "a = any (select 1)",
    "array(select 1)",
    "(from read_text('/etc/passwd') select content)",
    "(values (1))",
    "(table raw_files.leads)",
    "(with x as (select 1) from x)",
    "(show tables)",
    "(from query('select 1'))",
    "(from query_table('leads'))",
    # files, by a function
    "read_text('/etc/passwd')",
    "read_blob('/etc/passwd')",
    "read_csv('/etc/passwd')",
    "read_csv_auto('/etc/passwd')",
    "read_json('/etc/passwd')",
    "read_parquet('/etc/passwd')",
    "parquet_scan('/etc/passwd')",
    "glob('/etc/*')",
    "sniff_csv('/etc/passwd')",
    "\"READ_TEXT\"('/etc/passwd')",
    "main.read_text('/etc/passwd')",
    "system.main.\"Read_Text\"('/etc/passwd')",
    "/* harmless */ read_text /* really */ ('/etc/passwd')",
    "('/etc/passwd').read_text()",
    "coalesce(a, upper(concat('x', read_text('/etc/passwd'))))",
    "list_transform(['/etc/passwd'], x -> read_text(x))[1]",
    "[read_text(x) for x in ['/etc/passwd']]",
    "case when a = '1' then read_text('/etc/passwd') end",
    "try(read_text('/etc/passwd'))",
    "{'a': read_text('/etc/passwd')}.a",
    "a::varchar || read_text('/etc/passwd')",
    # the environment, the session, SQL in a text
    "getenv('HOME')",
    "\"GetEnv\"('HOME')",
    "current_setting('temp_directory')",
    "getvariable('x')",
    "current_query()",
    "current_database()",
    "current_user()",
    "version()",
    "json_serialize_sql('select 1')",
    "json_deserialize_sql('{}')",
    "json_serialize_plan('from read_csv(''/etc/passwd'')')",
    "json_execute_serialized_sql('{}')",
    "query('select 1')",
    "query_table('leads')",
    "duckdb_secrets()",
    "which_secret('s3://x', 's3')",
    "pg_get_viewdef(1)",
    "write_log('x')",
    "parse_duckdb_log_message('a', 'b')",
    # the clock, chance, waiting
    "now()",
    '"NOW"()',
    "today()",
    "get_current_timestamp()",
    "current_localtime()",
    "current_localtimestamp()",
    "age(a::timestamp)",
    "ago(interval 1 day)",
    "random()",
    "uuid()",
    "setseed(0.5)",
    "nextval('s')",
    "sleep_ms(1000)",
    "pg_sleep(1)",
    # several rows, several columns
    "max(a)",
    "count(*) filter (where a = '1')",
    "sum(a) over ()",
    "row_number() over (order by a)",
    "first_value(a) over ()",
    "unnest([1, 2])",
    "generate_subscripts([1], 1)",
    "*",
    "columns('.*')",
    "*columns(*)",
    "t.*",
    "#1",
    "?",
    "$a",
    "default",
    # what an extension would bring, which DuckDB fetches from the net for whoever names it
    "sql_auto_complete('s')",
    "st_point(1, 2)",
    "http_get('http://127.0.0.1/')",
    "read_xlsx('/tmp/x.xlsx')",
    "iceberg_scan('x')",
    "no_such_function(a)",
    # no expression at all
    "",
    "-- nothing",
    "a /*",
    "a as b",
    "a,",
    "'",
    "\0",
    "a = '1' \0 or true",
)


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
    con.execute("CREATE SCHEMA raw_files; CREATE TABLE raw_files.leads (a VARCHAR); CREATE SEQUENCE s")
    con.execute("CREATE MACRO my_upper(x) AS (SELECT upper(x))")
    return con


@pytest.mark.parametrize("expression", ATTEMPTS)
def test_an_attempt_is_refused_in_one_sentence(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        columns_named(con, expression)
    assert "\n" not in str(caught.value)
    assert con.execute("SELECT count(*) FROM raw_files.leads").fetchall() == [(0,)]


def test_a_macro_that_somebody_made_is_refused(con: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ExpressionError, match="calls my_upper"):
        columns_named(con, "my_upper(a)")


@pytest.mark.parametrize(
    "expression",
    [
        "+".join(["a"] * 4000),
        "not " * 2000 + "a",
        "a" * (LONGEST + 1),
        "[" * 900,
    ],
    ids=["sum", "not", "long", "lists"],
)
def test_what_is_too_deep_or_long_is_refused(con: duckdb.DuckDBPyConnection, expression: str) -> None:
    with pytest.raises(ExpressionError):
        columns_named(con, expression)


@pytest.mark.parametrize(
    ("expression", "columns"),
    [
        ("case when a > '5' then b else 'x;y' end", {"a", "b"}),
        ("list_transform([a], x -> x || b)[1]", {"a", "b"}),
        ("list_filter(string_split(a, ';'), lambda x: x <> '')", {"a"}),
        ("regexp_replace(trim(a), '[^0-9]', '', 'g')::decimal(18,2)", {"a"}),
        ('"a b; drop table x; --" || $$it\'s$$', {"a b; drop table x; --"}),
        ("strptime(a, '%d.%m.%Y')::date + interval 1 day", {"a"}),
        ("a::json ->> '$.b'", {"a"}),
        ("a at time zone 'Europe/Amsterdam'", {"a"}),
        ("A between B and C or a similar to 'x.*'", {"a", "b", "c"}),
        ("extract(year from a)::int % 2 = 0", {"a"}),
        ("map {'won': true}[lower(a)]", {"a"}),
        ("coalesce(nullif(a, ''), 'now()')", {"a"}),
        ("1", set()),
        pytest.param("(" * 4000 + "a" + ")" * 4000, {"a"}, id="brackets"),
    ],
)
def test_an_ordinary_expression_names_its_columns(
    con: duckdb.DuckDBPyConnection, expression: str, columns: set[str]
) -> None:
    assert columns_named(con, expression) == columns


def test_no_function_that_passes_has_a_name_that_asks_for_a_look(con: duckdb.DuckDBPyConnection) -> None:
    """With a new DuckDB come new functions: those named like what reaches out are looked at one by one."""
    harmless = {
        "array_resize", "format_bytes", "list_resize", "log", "log10", "log2", "make_timestamp",
        "make_timestamp_ms", "make_timestamp_ns", "make_timestamptz", "parse_dirname",
        "parse_dirpath", "parse_filename", "parse_path", "to_timestamp", "uuid_extract_timestamp",
        "uuid_extract_version",
    }  # fmt: skip
    asks = re.compile(
        "read|write|scan|glob|copy|file|path|env|setting|variable|current|session|query|sql|plan|load|install"
        "|http|secret|attach|log|sleep|random|uuid|now|today|version|local|exec|import|export|pragma|catalog"
    )
    named = [
        name
        for (name,) in con.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions()"
            " WHERE internal AND function_type = 'scalar' AND stability = 'CONSISTENT'"
        ).fetchall()
        if asks.search(name) and name not in harmless and not name.startswith("json_extract")
    ]
    assert "current_setting" in named
    for name in named:
        with pytest.raises(ExpressionError, match="calls"):
            columns_named(con, f'"{name}"(a)')


CONDITIONS = (
    "source = 'x') then 'a' end as excluded_for from other --",
    "source = 'x' -- a comment",
    "source /* a */ = 'x'",
    "lead_id in (select lead_id from read_csv('/etc/passwd'))",
    "created_at < current_timestamp",
    "created_on < current_date",
    "current_user = 'x'",
    "random() < 0.5",
    "read_text('/etc/passwd') is null",
    "getenv('HOME') = 'x'",
    "source = 'x'; drop table raw_files.leads",
    "",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_condition_that_leaves_leads_out_is_held_to_the_same(tmp_path: Path, condition: str) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "X"\n[[leads.exclude]]\nreason = "r"\n'
        f"condition = '''{condition}'''\n"
        '[sources.crm]\nkind = "files"\nfolder = "in"\n',
        encoding="utf-8",
    )
    with pytest.raises(SettingsError, match=r"leads\.exclude\.0\.condition") as caught:
        load_settings(file, environ={})
    assert "\n" not in str(caught.value)


def test_names_that_the_database_computes_are_all_known(con: duckdb.DuckDBPyConnection) -> None:
    """Written without brackets they look like columns; each is either on the list or no value."""
    for name in SPECIAL_NAMES:
        assert columns_named(con, name) == {name}
    words = [word for (word,) in con.execute("SELECT keyword_name FROM duckdb_keywords()").fetchall()]
    for word in {*words, "now", "today", "localtime", "localtimestamp", "rowid"} - SPECIAL_NAMES:
        try:
            columns = columns_named(con, word)
        except ExpressionError:
            continue
        if columns:
            with pytest.raises(duckdb.Error):
                con.execute(f"SELECT ({word})")
