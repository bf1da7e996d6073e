"""One world through the real models, in a database in memory.

Belongs here: records as a load would have typed them, seeds as the rules say, the models in their order. Does
not belong here: what the tables should hold.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal

import duckdb

from orchestration import run_record
from orchestration.ingest.export_format import TABLES, Column
from orchestration.ingest.raw_tables import raw_name
from orchestration.ingest.registry import KINDS
from orchestration.marts import MARTS
from orchestration.settings import PROJECT_ROOT
from tests.proof.compiled import DATABASE, SIGHTINGS, SOURCE, Compiled, Node, prepare_history
from tests.reference.world import Record, Rules, Sighting, Value, World

ROWS_OF_A_BATCH = 7
"""The rows of a table come in batches of so many: "loaded last" is asked across files and within one."""


@contextmanager
def built(
    compiled: Compiled, world: World, land: Callable[[duckdb.DuckDBPyConnection], None] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in which every model has run on the world, and on what `land` puts into raw."""
    con = duckdb.connect(config={"threads": 1, "memory_limit": "1GB", "preserve_insertion_order": False})
    try:
        attach_empty(con)
        _load(con, compiled, world)
        if land is not None:
            land(con)
        for model in compiled.models:
            run(con, model)
        yield con
    finally:
        con.close()


def run(con: duckdb.DuckDBPyConnection, model: Node) -> None:
    if model.materialized == "incremental":
        con.execute(f"insert into {model.relation} by name ({model.sql})")
    else:
        con.execute(f"create {model.materialized} {model.relation} as ({model.sql}\n)")


def attach_empty(con: duckdb.DuckDBPyConnection) -> None:
    """A warehouse and its marts, in memory, under the names that compiled models know."""
    con.execute(f"set TimeZone = 'UTC'; attach ':memory:' as {DATABASE}; attach ':memory:' as {MARTS}")
    con.execute(f"use {DATABASE}")


def make_schemas(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> None:
    schemas = {node.relation.rpartition(".")[0] for node in (*compiled.models, *compiled.seeds)}
    con.execute("; ".join(f"create schema if not exists {schema}" for schema in sorted(schemas)))


def rows_of(con: duckdb.DuckDBPyConnection, table: str) -> list[Record]:
    """The rows of a published table."""
    found = con.execute(f'select * from marts."{table}"')
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def published_tables(con: duckdb.DuckDBPyConnection) -> list[str]:
    found = con.execute(
        "select table_name from duckdb_tables() where database_name = ? order by all", [MARTS]
    )
    return [name for (name,) in found.fetchall()]


def failing_tests(con: duckdb.DuckDBPyConnection, compiled: Compiled) -> dict[str, int]:
    """The data tests of the project that find something, and how many rows."""
    counts = {
        test.name: con.execute(f"select count(*) from ({test.sql}\n)").fetchall()[0][0]
        for test in compiled.tests
    }
    return {name: rows for name, rows in counts.items() if rows}


def _load(con: duckdb.DuckDBPyConnection, compiled: Compiled, world: World) -> None:
    for kind in KINDS.values():
        kind.prepare(con)
    make_schemas(con, compiled)
    run_record.prepare(con)
    run_record.begin(con, "this run", world.as_of.replace(tzinfo=UTC), world.observed_at.replace(tzinfo=UTC))
    for name, records in world.tables.items():
        _load_records(con, name, records)
    prepare_history(con)
    insert_rows(con, SIGHTINGS, [_sighting(sighting) for sighting in world.sightings])
    given = seed_rows(world.rules)
    for seed in compiled.seeds:
        types = dict(seed.columns)
        declared = ", ".join(f"{column} {types.get(column, 'varchar')}" for column in header(seed))
        con.execute(f"create table {seed.relation} ({declared})")
        insert_rows(con, seed.relation, given[seed.name] if seed.name in given else shipped(seed))


def _load_records(con: duckdb.DuckDBPyConnection, table_name: str, records: Sequence[Record]) -> None:
    columns = {column.name: column for column in TABLES[table_name].columns}
    rows = []
    for number, record in enumerate(records):
        row: Record = {
            "_source": record.get("_source", SOURCE),
            "_batch_number": number // ROWS_OF_A_BATCH + 1,
            "_source_row": number % ROWS_OF_A_BATCH + 1,
        }
        for name, value in record.items():
            row |= _typed(columns[name], value) if name in columns else {}
        rows.append(row)
    insert_rows(con, raw_name(table_name), reversed(rows))  # the order of rows in the table means nothing


def _typed(column: Column, value: Value) -> Record:
    if column.kind in ("moment", "day"):
        is_instant = isinstance(value, datetime)
        return {
            f"{column.base}_at": value if is_instant else None,
            f"{column.base}_on": None if is_instant else value,
        }
    if column.kind == "email":
        is_address = isinstance(value, str) and "@" in value
        plain = str(value).strip().lower().encode()
        return {f"{column.name}_hash": hashlib.sha256(plain).hexdigest() if is_address else None}
    return {column.name: value}


def _sighting(sighting: Sighting) -> Record:
    row: Record = vars(sighting) | {"run_id": "an earlier run"}
    for name in ("opportunity_id", "owner_id"):
        row[name] = None if row[name] is None else f"{SOURCE}:{row[name]}"
    return row


def seed_rows(rules: Rules) -> dict[str, list[Record]]:
    """The seeds that belong to the rules; the others are as they are shipped."""
    mappings = {
        "lead_status": rules.lead_statuses,
        "activity_type": rules.activity_types,
        "direction": rules.directions,
    }
    return {
        "value_mappings": [
            {"field": field, "spelling": spelling, "canonical_value": canonical}
            for field, spellings in mappings.items()
            for spelling, canonical in spellings.items()
        ],
        "stage_map": [
            {
                "stage": name,
                "stage_order": number,
                "is_qualified": stage.is_qualified,
                "outcome": stage.outcome,
                "probability": stage.probability,
            }
            for number, (name, stage) in enumerate(rules.stage_map.items(), start=1)
        ],
        "holidays": [
            {
                "holiday_on": day,
                "holiday_name": holiday.name,
                "hours": holiday.hours and _written_hours(*holiday.hours),
            }
            for day, holiday in rules.holidays.items()
        ],
        "conversion_targets": [
            {"source": source, "target_ratio": ratio} for source, ratio in rules.conversion_targets.items()
        ],
    }


def _written_hours(opens: int, closes: int) -> str:
    return f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}"


def header(seed: Node) -> list[str]:
    with (PROJECT_ROOT / "seeds" / f"{seed.name}.csv").open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def shipped(seed: Node) -> list[Record]:
    with (PROJECT_ROOT / "seeds" / f"{seed.name}.csv").open(encoding="utf-8", newline="") as file:
        return [{name: value or None for name, value in row.items()} for row in csv.DictReader(file)]


def insert_rows(con: duckdb.DuckDBPyConnection, relation: str, rows: Iterable[Mapping[str, Value]]) -> None:
    """One statement of literals: a hundred times faster than a parameter each."""
    rows = list(rows)
    if not rows:
        return
    names = list(dict.fromkeys(name for row in rows for name in row))
    values = ", ".join(f"({', '.join(_literal(row.get(name)) for name in names)})" for row in rows)
    con.execute(f"insert into {relation} ({', '.join(names)}) values {values}")


def _literal(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool() | int():
            return str(value)
        case float():
            return f"{value!r}::double"
        case Decimal():
            return f"{value:f}::decimal(18,8)"
        case datetime():
            return f"timestamp '{value.isoformat(sep=' ')}'"
        case date():
            return f"date '{value.isoformat()}'"
    return "'{}'".format(value.replace("'", "''"))
