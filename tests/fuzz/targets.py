"""What must hold for whatever comes: no error but the project's own, every row accounted for, nothing done.

Belongs here: the targets and their invariants. Does not belong here: how inputs are made (`odd.py`), or for
how long (`__main__.py`).
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
from hypothesis import strategies as st

from orchestration.errors import SettingsError, SourceError
from orchestration.expressions import ExpressionError, columns_named
from orchestration.ingest.raw_tables import prepare
from orchestration.settings import PROJECT_ROOT, load_settings
from orchestration.speech import speakable
from tests.fuzz import odd
from tests.unit.export_folder import ExportFolder

SECONDS_PER_QUERY = 5.0


@cache
def database() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"memory_limit": "1GB", "autoinstall_known_extensions": False})
    con.execute("SET autoload_known_extensions = false; SET TimeZone = 'UTC'")
    prepare(con)
    return con


@cache
def closed_database() -> duckdb.DuckDBPyConnection:
    """One that refuses every file: an expression that asks for one is found by the refusal."""
    con = duckdb.connect(config={"memory_limit": "500MB", "enable_external_access": False})
    con.execute("CREATE TABLE own AS SELECT 'x' AS a, '1' AS b; CREATE SEQUENCE s; SET TimeZone = 'UTC'")
    return con


@cache
def functions() -> list[str]:
    found = (
        closed_database()
        .execute("SELECT DISTINCT function_name FROM duckdb_functions() ORDER BY 1")
        .fetchall()
    )
    return [name for (name,) in found if name.replace("_", "").isalnum()]


# --- expressions


def an_expression_is_harmless_or_refused(expression: str) -> None:
    con = closed_database()
    try:
        columns = columns_named(con, expression)
    except ExpressionError as error:
        assert "\n" not in str(error), "one sentence"
        return
    query = f"SELECT TRY(struct_pack(v := (\n{expression}\n))) FROM own"
    [statement] = con.extract_statements(query)
    assert statement.type == duckdb.StatementType.SELECT
    before = _state(con)
    try:
        with _interrupted_after(con):
            first = con.execute(query).fetchall()
            second = con.execute(query).fetchall()
        if columns <= {"a", "b"}:
            assert repr(first) == repr(second), "the same row gives the same value"
    except duckdb.PermissionException as error:
        raise AssertionError(f"an expression reached out: {error}") from error
    except (duckdb.Error, UnicodeDecodeError, OverflowError, ValueError, RuntimeError) as error:
        assert not isinstance(error, duckdb.InternalException | duckdb.FatalException), error
    assert _state(con) == before


def _state(con: duckdb.DuckDBPyConnection) -> Any:
    queries = (
        "SELECT database_name, schema_name, table_name, estimated_size FROM duckdb_tables() ORDER BY ALL",
        "SELECT name, value FROM duckdb_settings() ORDER BY ALL",
        "SELECT sequence_name, last_value FROM duckdb_sequences()",
        "SELECT database_name FROM duckdb_databases() ORDER BY ALL",
        "FROM own",
    )
    return [con.execute(query).fetchall() for query in queries]


@contextmanager
def _interrupted_after(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    timer = threading.Timer(SECONDS_PER_QUERY, con.interrupt)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


# --- files


def _loaded(files: dict[str, bytes], keys: str, table: str = "leads") -> Iterator[ExportFolder]:
    """Load files; yield the folder if they were loaded, after every row was accounted for."""
    con = database()
    for name in (table, "quarantine", "load_ledger"):
        con.execute(f"DELETE FROM raw_files.{name}")
    with tempfile.TemporaryDirectory() as root:
        export = ExportFolder(Path(root), con, keys=keys)
        for name, content in files.items():
            export.write(name, content)
        try:
            with _interrupted_after(con):
                load = export.load(table)
        except (SourceError, SettingsError) as error:
            assert "\n" not in str(error), "one sentence"
            assert str(error) == speakable(str(error))
            for name in (table, "quarantine", "load_ledger"):
                assert export.rows(f"SELECT count(*) FROM raw_files.{name}") == [(0,)], (
                    "a refused file left rows"
                )
            return
        assert load.rows_in == load.rows_loaded + load.rows_quarantined
        numbers = export.rows(
            f"SELECT _source_row FROM raw_files.{table} UNION ALL SELECT row_number FROM raw_files.quarantine"
        )
        assert sorted(number for (number,) in numbers) == list(range(1, load.rows_in + 1)), "a row is lost"
        left = export.rows("SELECT table_name FROM duckdb_tables() WHERE temporary")
        assert left == [], "scratch tables are left"
        yield export


def _keys(options: dict[str, Any]) -> str:
    def written(value: Any) -> str:
        if isinstance(value, list):
            return f"[{', '.join(map(written, value))}]"
        escaped = "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in value)
        return f'"{escaped}"'

    return "max_quarantine_ratio = 1\n" + "".join(
        f"{key} = {written(value)}\n" for key, value in options.items()
    )


def a_csv_file_is_accounted_for(given: tuple[bytes, dict[str, Any]]) -> None:
    content, options = given
    for _ in _loaded({"leads.csv": content}, _keys(options)):
        pass


def a_json_file_is_accounted_for(content: bytes) -> None:
    for _ in _loaded({"leads.jsonl": content}, _keys({})):
        pass


def a_mapped_file_is_accounted_for(expression: str) -> None:
    quoted = expression.replace("'''", "''")
    keys = (
        _keys({})
        + '[sources.crm.tables.leads]\nfiles = "leads.csv"\n'
        + '[sources.crm.tables.leads.columns]\nlead_id = "a"\n'
        + f"created_at = \"'2026-03-01'\"\nsource = '''\n{quoted}'''\n"
    )
    for _ in _loaded({"leads.csv": b"a,b\n1,x\n2,\n,y\n"}, keys):
        pass


def a_value_is_read_as_it_stands_or_put_aside(values: list[str]) -> None:
    """Amounts, because their value can be known without the reader: by Python's decimal numbers."""
    content = "opportunity_id,created_at,stage,amount\n" + "".join(
        f"{number},2026-03-01,Open," + '"' + value.replace('"', '""') + '"\n'
        for number, value in enumerate(values, 1)
    )
    data = content.encode("utf-8", "surrogatepass")
    for export in _loaded({"opportunities.csv": data}, _keys({}), "opportunities"):
        for number, amount in export.rows("SELECT opportunity_id, amount FROM raw_files.opportunities"):
            written = values[int(number) - 1].strip(" \t\r\n\xa0")
            if amount is None:
                # only Unicode's other blanks may stand where nothing does
                assert written.strip() == "", f"{written!r} was lost"
                continue
            try:
                exact = Decimal(written)
                if "e" in written.lower():  # such numbers are read with 18 decimals first
                    exact = exact.quantize(Decimal("1e-18"), ROUND_HALF_UP, context=Context(prec=60))
                expected = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
            except InvalidOperation:
                raise AssertionError(f"{written!r} was read as {amount}") from None
            assert amount == expected, f"{written!r} was read as {amount}"


# --- settings


def settings_are_read_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        file = Path(root) / "zeven.toml"
        file.write_bytes(content)
        try:
            settings = load_settings(file, environ={"HOME": "/somewhere"})
        except SettingsError as error:
            assert "\n" not in str(error), "one sentence"
            assert str(error) == speakable(str(error))
            return
        settings.as_of()
        assert settings.paths.warehouse.is_absolute()


@cache
def targets() -> dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None]]]:
    """Name, what it is given, what must hold."""
    expressions = odd.expressions(functions())
    example = (PROJECT_ROOT / "zeven.toml").read_text(encoding="utf-8")
    return {
        "expressions": (expressions, an_expression_is_harmless_or_refused),
        "mapping": (expressions, a_mapped_file_is_accounted_for),
        "csv": (odd.csv_files(), a_csv_file_is_accounted_for),
        "jsonl": (odd.json_files(), a_json_file_is_accounted_for),
        "values": (st.lists(odd.NUMBERS, max_size=8), a_value_is_read_as_it_stands_or_put_aside),
        "settings": (odd.settings_files(example), settings_are_read_or_refused),
    }
