"""One company with several faces: the ledger of `demo/` as a CRM shows it, and what becomes of it.

Belongs here: putting records of any CRM through the real models in memory, and comparing with what comes
of the export files. Does not belong here: how a CRM shows the ledger (`demo/render_*.py`), or what it cannot
know (the test of that CRM).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from demo.ledger import Ledger
from demo.render_export import make_export
from demo.simulate import simulate
from orchestration import run_record
from orchestration.ingest import files
from orchestration.ingest.registry import KINDS
from tests.proof.compiled import SOURCE, Node, compile_project, prepare_history, settings_for
from tests.proof.in_memory import (
    attach_empty,
    header,
    insert_rows,
    make_schemas,
    published_tables,
    rows_of,
    run,
    shipped,
)
from tests.reference.world import Record, Rules

SEED, SCALE, YEARS, UNTIL = 11, 0.05, 1, date(2026, 3, 31)
LOADED_AT = datetime(2026, 4, 1, 3, tzinfo=UTC)
Tables = dict[str, list[Record]]
_Row = tuple[tuple[str, Any], ...]
Land = Callable[[duckdb.DuckDBPyConnection, str, Path], None]
"""Puts the records into the raw tables: the connection, the source's name, a folder for scratch files."""
Plan = Callable[[Path], None]
"""Writes the files of a source that adds to the CRM into a folder."""

ABOUT_THE_RUN = frozenset({"data_warnings", "release_info", "restatements"})
"""Tables that speak of a source's data and not of the company."""


@cache
def ledger() -> Ledger:
    return simulate(seed=SEED, scale=SCALE, until=UNTIL, years=YEARS)


@cache
def of_export_files() -> Tables:
    """The published tables of the clean export."""
    with TemporaryDirectory(prefix="zeven_export_") as name:
        folder = Path(name)
        make_export(folder / "in", until=UNTIL, seed=SEED, scale=SCALE, years=YEARS, clean=True)
        settings = settings_for(Rules(), folder)

        def land(con: duckdb.DuckDBPyConnection, source: str, _: Path) -> None:
            settings.paths.warehouse.mkdir(exist_ok=True)
            for table in files.TABLES:
                files.load_table(con, settings, source, table, LOADED_AT)

        return of(land)


def of(land: Land, source: Mapping[str, Any] | None = None, plan: Plan | None = None) -> Tables:
    """The published tables of what `land` puts into raw; `source` is its section of the settings.

    `plan`: what a CRM cannot tell comes from a folder that adds to it; it writes the files there.
    """
    with TemporaryDirectory(prefix="zeven_face_") as name:
        besides = {"plan": {"kind": "files", "folder": "plan", "adds_to": SOURCE}} if plan else None
        compiled = compile_project(Rules(), Path(name), source, besides)
        con = duckdb.connect(config={"threads": 2, "memory_limit": "2GB", "preserve_insertion_order": False})
        try:
            attach_empty(con)
            for kind in KINDS.values():
                kind.prepare(con)
            land(con, SOURCE, Path(name))
            if plan:
                plan(Path(name) / "plan")
                settings = settings_for(Rules(), Path(name), source, besides)
                settings.paths.warehouse.mkdir(exist_ok=True)
                for table in files.TABLES:
                    files.load_table(con, settings, "plan", table, LOADED_AT)
            make_schemas(con, compiled)
            run_record.prepare(con)
            run_record.begin(con, "this run", ledger().end.replace(tzinfo=UTC), LOADED_AT)
            prepare_history(con)
            for seed in compiled.seeds:
                types = dict(seed.columns)
                declared = ", ".join(f"{column} {types.get(column, 'varchar')}" for column in header(seed))
                con.execute(f"create table {seed.relation} ({declared})")
                insert_rows(con, seed.relation, shipped(seed))
            for model in compiled.models:
                run(con, model)
            return {table: rows_of(con, table) for table in published_tables(con)}
        finally:
            con.close()


def write_rates(folder: Path) -> None:
    """The exchange rates of the company, as its finance department keeps them."""
    folder.mkdir(exist_ok=True)
    lines = [f"{rate.currency},{rate.valid_from},{rate.rate}" for rate in ledger().rates]
    (folder / "exchange_rates.csv").write_text("\n".join(["currency,valid_from,rate", *lines]) + "\n")


def write_targets(folder: Path, ids: Mapping[str, str]) -> None:
    """The targets, for the reps and teams as the CRM names them. `ids`: the ledger's id -> the CRM's."""
    folder.mkdir(exist_ok=True)
    lines = [
        f"{one.period_type},{one.period_start},{one.amount},EUR,"
        f"{ids[one.rep_id] if one.rep_id else ''},{ids[one.team_id] if one.team_id else ''}"
        for one in ledger().targets
    ]
    header = "period_type,period_start,target_amount,currency,rep_id,team_id"
    (folder / "targets.csv").write_text("\n".join([header, *lines]) + "\n")


def staged(crm: str, lands: Mapping[str, Land], source: Mapping[str, Any]) -> dict[str, Tables]:
    """By name of `lands`, the staging tables of one CRM: nothing after them knows where records came from."""
    with TemporaryDirectory(prefix="zeven_staged_") as name:
        compiled = compile_project(Rules(), Path(name), source, select=f"staging.{crm}")
        models = [model for model in compiled.models if model.name.startswith(f"stg_{crm}__")]
        found: dict[str, Tables] = {}
        for which, land in lands.items():
            with duckdb.connect() as con:
                attach_empty(con)
                for kind in KINDS.values():
                    kind.prepare(con)
                land(con, SOURCE, Path(name))
                con.execute("create schema staging")
                for model in models:
                    run(con, model)
                found[which] = {model.name.rpartition("__")[2]: _rows(con, model) for model in models}
        return found


def _rows(con: duckdb.DuckDBPyConnection, model: Node) -> list[Record]:
    rows = con.execute(f"select * from {model.relation}")
    names = [column[0] for column in rows.description or ()]
    return [dict(zip(names, row, strict=True)) for row in rows.fetchall()]


def differences(
    found: Tables,
    ids: Mapping[str, str],
    unknown: Mapping[str, frozenset[str]] | None = None,
    shown: int = 3,
) -> list[str]:
    """Where the tables of a face are not those of the export files, a line for each table and column.

    `ids`: the CRM's id -> the ledger's, without their source. `unknown`: the columns, by table, of which
    the CRM cannot know what is in them; a whole table is `frozenset({"*"})`.
    """
    expected, lines = of_export_files(), []
    unknown = unknown or {}
    for table in sorted(expected.keys() - ABOUT_THE_RUN):
        hidden = unknown.get(table, frozenset())
        if "*" in hidden:
            continue
        if table not in found:
            lines.append(f"{table}: is not there")
            continue
        ours = _counted(found[table], hidden, ids)
        theirs = _counted(expected[table], hidden, {})
        missing, more = theirs - ours, ours - theirs
        if missing or more:
            counts = f"{missing.total()} of {theirs.total()} rows are missing, {more.total()} too many"
            lines.append(f"{table}: {counts}")
            lines += [_beside(row, more) for row in sorted(missing, key=str)[:shown]]
            lines += [f"  too many: {dict(row)}" for row in sorted(more, key=str)[:1]]
    return lines


def _beside(row: _Row, others: Counter[_Row]) -> str:
    """A missing row, and in which columns the one that is most like it differs."""
    nearest = max(others, key=lambda other: len({*row} & {*other}), default=())
    differing = {
        name: (value, dict(nearest).get(name))
        for name, value in row
        if nearest and dict(nearest).get(name) != value
    }
    return (
        f"  missing: {dict(row)}\n    the nearest differs (expected, found): {differing or 'there is none'}"
    )


def _counted(rows: list[Record], hidden: frozenset[str], ids: Mapping[str, str]) -> Counter[_Row]:
    return Counter(
        tuple((name, _plain(value, ids)) for name, value in sorted(row.items()) if name not in hidden)
        for row in rows
    )


def _plain(value: Any, ids: Mapping[str, str]) -> Any:
    """Comparable: doubles to the ninth significant place, ids as the ledger says them."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, Decimal):
        return value.normalize()
    if isinstance(value, str) and value.startswith(f"{SOURCE}:"):
        own = value.removeprefix(f"{SOURCE}:")
        return f"{SOURCE}:{ids.get(own, own)}"
    return value
