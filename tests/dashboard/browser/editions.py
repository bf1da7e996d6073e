"""Further releases of a company: its built tables, edited by SQL and published through the real gate.

Belongs here: what a second run, a broken one, or a company of another size would publish, in seconds. Does
not belong here: numbers that anyone could check against records: an edited company's levels do not add up.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from browser.served import SLUGS, Company
from orchestration import run_record
from orchestration.made_from import code_version
from orchestration.publish.release import publish
from orchestration.warehouse import Warehouse

KPIS = tuple(f"kpi_{slug}" for slug in SLUGS)
FACTS = ("fct_leads", "fct_opportunities", "fct_opportunity_history", "fct_contact_moments", "fct_targets")
MANY = 500
KNOWN_WITHOUT_ROWS = ("elapsed_ratio", "target_ratio")
"""Columns of the metrics' tables that follow from the calendar and from the settings."""

ANOTHER_DAY = (
    "update marts.kpi_scorecard set value = value * 0.5 + 0.1",
    "update marts.kpi_number_of_leads set leads = leads * 3",
)
"""Every headline is another one, and so are the rows of the chart of leads."""

BROKEN = ("update marts.kpi_number_of_leads set leads = -1 where level = 'company'",)
"""Fewer leads than none: a contract forbids it."""


def sibling(company: Company, folder: Path) -> Company:
    """The same company elsewhere, built and not yet published."""
    made = Company(folder)
    shutil.copy(company.file, made.file)
    shutil.copytree(company.folder / "warehouse", folder / "warehouse")
    return made


def publish_edition(company: Company, built: Company, edits: Sequence[str] = ()) -> str:
    """Publish what `built` holds, with `edits`, as a release of `company`; its id. Raises `GateError`."""
    for file in ("work.duckdb", "work.duckdb.marts"):
        shutil.copy(built.folder / "warehouse" / file, company.folder / "warehouse" / file)
    with Warehouse(company.settings).connect() as con:
        for edit in edits:
            con.execute(edit)
        as_of = run_record.as_of_now(con)
        assert as_of
        # edits of single tables do not agree with the others, and are meant to differ from what served
        release = publish(
            con,
            company.settings,
            run_id="edited",
            as_of=as_of,
            code_version=code_version(),
            reconciliations=(),
            accept="edited on purpose",
        )
    return release.release_id


def without_rows(company: Company) -> list[str]:
    """What the pipeline makes of files that hold headers only: the running periods, with nothing in them."""
    edits = [f"delete from marts.{table}" for table in (*FACTS, "kpi_signals", "data_warnings")]
    edits += [
        f"delete from marts.{table} where is_known"
        for table in ("dim_products", "dim_reps", "dim_sources", "dim_teams")
    ]
    for table in (*KPIS, "kpi_scorecard"):
        is_part = "" if table == "kpi_scorecard" else "breakdown <> 'total' or "
        edits.append(
            f"delete from marts.{table} where {is_part}coalesce(rep_id, team_id, 'unassigned') "
            "<> 'unassigned' or period_type || period_start not in (select period_type || max(period_start) "
            "from marts.kpi_scorecard group by period_type)"
        )
    edits += [_nothing(company, table) for table in KPIS]
    edits.append("update marts.kpi_conversion_ratio set is_mature = false")
    unset = ("target_amount", "gap_amount", "expected_amount", "required_per_working_day", "status")
    edits.append(f"update marts.kpi_target_attainment set {', '.join(f'{name} = null' for name in unset)}")
    edits.append(
        "update marts.kpi_scorecard set previous_value = null, same_period_last_year_value = null, "
        "change_ratio = null, status = null, "
        "target_value = case kpi when 'conversion_ratio' then target_value end, "
        "value = case when unit in ('leads', 'follow_ups', 'currency') then 0 end"
    )
    return edits


def _nothing(company: Company, table: str) -> str:
    """Counts and amounts of nothing are 0; what is divided by them, and earlier periods, are null."""
    columns = company.rows(
        "select column_name, data_type from duckdb_columns() where table_name = ? and schema_name = 'main'",
        table,
    )
    values = {
        name: "null" if kind == "DOUBLE" or name.startswith(("previous_", "same_period_")) else "0"
        for name, kind in columns
        if (kind in ("DOUBLE", "BIGINT") or kind.startswith("DECIMAL")) and name not in KNOWN_WITHOUT_ROWS
    }
    return f"update marts.{table} set " + ", ".join(f"{name} = {value}" for name, value in values.items())


def only(rep: str) -> list[str]:
    """One rep is left, beside whom nobody is."""
    others = f"rep_id <> 'unassigned' and rep_id <> '{rep}'"
    tables = ("dim_reps", "kpi_signals", "kpi_scorecard", *KPIS, *FACTS)
    edits = [f"delete from marts.{table} where {others}" for table in tables]
    team = f"(select team_id from marts.dim_reps where rep_id = '{rep}')"
    edits.append(f"delete from marts.dim_teams where is_known and team_id <> {team}")
    edits += [
        f"delete from marts.{table} where level = 'team' and team_id <> 'unassigned' and team_id <> {team}"
        for table in ("kpi_scorecard", *KPIS)
    ]
    return edits


def many_like(rep: str) -> list[str]:
    """The company hires 500 people, each of whom does by the month what this rep does."""
    number = f"range(1, {MANY + 1}) as hired(n)"
    identity = "'demo:X' || lpad(n::varchar, 3, '0') as rep_id"
    edits = [
        f"insert into marts.dim_reps by name select * exclude (n) replace ({identity}, "
        f"'Hired ' || lpad(n::varchar, 3, '0') as rep_name) "
        f"from marts.dim_reps, {number} where rep_id = '{rep}'"
    ]
    for table in ("kpi_scorecard", *KPIS):
        total = "true" if table == "kpi_scorecard" else "breakdown = 'total'"
        edits.append(
            f"insert into marts.{table} by name select * exclude (n) replace ({identity}) "
            f"from marts.{table}, {number} where rep_id = '{rep}' and {total} and period_type = 'month' "
            f"and period_start >= (select max(period_start) - interval 13 month from marts.{table})"
        )
    return edits
