"""A warehouse of two small tables and the settings for publishing it, made by plain SQL.

Belongs here: what the tests of releases and readers share, also in the processes that they start. Does not
belong here: the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from orchestration import marts
from orchestration.checks.contracts import Column, Contract, Rule
from orchestration.publish.in_place import Elsewhere
from orchestration.publish.manifest import ReleaseInfo
from orchestration.publish.release import publish
from orchestration.settings import Settings, load_settings

AS_OF = datetime(2026, 3, 31, 22, 0, tzinfo=UTC)
NOW = datetime(2026, 4, 1, 5, 0, tzinfo=UTC)

KPI = Contract(
    table="kpi_sales",
    description="One row per team; it's all made up.",
    columns=(
        Column("team_id", "varchar", "Team; null for the company."),
        Column("generation", "bigint", "Which publication this is.", required=True, minimum=0),
        Column("amount", "decimal(18,2)", "Closed amount."),
        Column("win_ratio", "double", "Won of closed.", minimum=0, maximum=1),
    ),
    key=("team_id",),
    minimum_rows=1,
    rules=(Rule("round_amount", "amount < 1000000", severity="warn"),),
)
TEAMS = Contract(
    table="dim_teams",
    description="One row per team.",
    columns=(
        Column("team_id", "varchar", "Team.", required=True),
        Column("generation", "bigint", "Which publication this is.", required=True),
    ),
    key=("team_id",),
)
CONTRACTS = {"dim_teams": TEAMS, "kpi_sales": KPI}


def settings_in(folder: Path, *, keep: int = 30, published: str = "published") -> Settings:
    file = folder / "zeven.toml"
    text = (
        f'[company]\nname = "Small"\n[paths]\nwarehouse = "warehouse"\npublished = "{published}"\n'
        f'[release]\nkeep = {keep}\n[sources.crm]\nkind = "files"\nfolder = "in"\n'
    )
    if not file.exists() or file.read_text() != text:  # another process of the test may read it meanwhile
        file.write_text(text)
    (folder / "warehouse").mkdir(exist_ok=True)
    return load_settings(file, environ={})


def open_warehouse(settings: Settings) -> duckdb.DuckDBPyConnection:
    """A warehouse with a whole, passed build of generation 0."""
    con = duckdb.connect(str(settings.paths.warehouse / "work.duckdb"))
    marts.attach(con, marts.file_beside(settings.paths.warehouse / "work.duckdb"))
    con.execute("create schema if not exists zeven; set timezone = 'UTC'")
    note_build(con)
    generate(con, 0)
    return con


def note_build(con: duckdb.DuckDBPyConnection, **changed: Any) -> None:
    values = {
        "run_id": "run-1",
        "as_of": AS_OF,
        "finished_at": NOW,
        "passed": True,
        "is_whole": True,
        "checks": '[{"name": "unique_dim_teams", "status": "pass"}]',
    } | changed
    con.execute(
        "create or replace table zeven.build_result (run_id varchar, as_of timestamptz, "
        "finished_at timestamptz, passed boolean, is_whole boolean, checks json)"
    )
    con.execute("insert into zeven.build_result values (?, ?, ?, ?, ?, ?)", list(values.values()))


def generate(con: duckdb.DuckDBPyConnection, generation: int) -> None:
    """Marts in which every row says which publication it is of, and rows and amount follow from it."""
    con.execute(
        "create or replace table marts.kpi_sales as "
        "select case when n > 0 then 'crm:T' || n end as team_id, ?::bigint as generation, "
        "(100 * n)::decimal(18,2) as amount, 0.5::double as win_ratio from range(10 + ?) t(n)",
        [generation, generation % 7],
    )
    con.execute(
        "create or replace table marts.dim_teams as "
        "select team_id, generation from marts.kpi_sales where team_id is not null"
    )


def publish_small(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    *,
    minute: int = 0,
    after: Callable[[str], None] = lambda step: None,
    contracts: dict[str, Contract] | None = None,
    elsewhere: Elsewhere | None = None,
) -> ReleaseInfo:
    """Publish as if `minute` minutes had passed since `NOW`."""
    return publish(
        con,
        settings,
        run_id="run-1",
        as_of=AS_OF,
        code_version="0.1.0",
        warnings=[{"kind": "late", "rows": 2}],
        contracts=CONTRACTS if contracts is None else contracts,
        created_at=NOW + timedelta(minutes=minute),
        elsewhere=elsewhere,
        after=after,
    )
