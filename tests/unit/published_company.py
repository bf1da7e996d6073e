"""A company with settings, an export folder and releases with a scorecard, for the tests of the command line.

Belongs here: making that world quickly, without dbt or Dagster. Does not belong here: the tests.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration import marts
from orchestration.checks.contracts import Column, Contract
from orchestration.publish.manifest import ReleaseInfo
from orchestration.publish.release import publish
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse, make_private_folder

AS_OF = datetime(2026, 4, 15, 21, 59, 59, tzinfo=UTC)  # 15 April, the last second, in Amsterdam

SCORECARD = Contract(
    table="kpi_scorecard",
    description="One row per metric and month.",
    columns=(
        Column("kpi", "varchar", "Slug.", required=True),
        Column("period_type", "varchar", "Month."),
        Column("period_start", "date", "First day."),
        Column("level", "varchar", "Company."),
        Column("value", "double", "Headline."),
        Column("unit", "varchar", "Unit."),
        Column("target_value", "double", "Target."),
        Column("previous_value", "double", "Month before."),
        Column("change_ratio", "double", "Change."),
        Column("status", "varchar", "Good, watch or bad."),
        Column("sort_order", "bigint", "Order."),
    ),
    key=("kpi", "period_type", "period_start", "level"),
)

CATALOG = Contract(
    table="metric_catalog",
    description="One row per metric.",
    columns=(Column("slug", "varchar", "Slug.", required=True), Column("name_en", "varchar", "Name.")),
    key=("slug",),
)

_NAMES = """
    ('closed_sales', 'Closed sales'), ('number_of_leads', 'Number of leads'),
    ('lead_response_time', 'Lead response time'), ('conversion_ratio', 'Share of customers')
"""

_ROWS = """
    ('closed_sales', 'month', date '2026-03-01', 'company', 123456.78, 'currency', 150000, 100000, 0.2345, 'watch', 7),
    ('number_of_leads', 'month', date '2026-03-01', 'company', 1204, 'leads', null, 1300, -0.0738, 'bad', 1),
    ('number_of_leads', 'month', date '2026-04-01', 'company', 611, 'leads', null, 1204, null, null, 1),
    ('number_of_leads', 'month', date '2026-02-01', 'company', 1300, 'leads', null, null, null, null, 1),
    ('number_of_leads', 'month', date '2026-03-01', 'rep', 1, 'leads', null, null, null, null, 1),
    ('number_of_leads', 'week', date '2026-03-01', 'company', 2, 'leads', null, null, null, null, 1),
    ('lead_response_time', 'month', date '2026-03-01', 'company', 125.4, 'business_minutes', null, 59, null, 'good', 2),
    ('conversion_ratio', 'month', date '2026-03-01', 'company', null, 'ratio', null, 0.0871, null, null, 4),
    ('conversion_ratio', 'month', date '2026-04-01', 'company', 0.314, 'ratio', null, null, null, null, 4)
"""  # noqa: E501 (one row a line)


def settings_in(folder: Path, text: str = "") -> Settings:
    """`zeven.toml` with one source `demo` in the folder `in`, which holds a `leads.csv` without rows."""
    file = folder / "zeven.toml"
    file.write_text(f'[company]\nname = "Small"\n{text}\n[sources.demo]\nkind = "files"\nfolder = "in"\n')
    (folder / "in").mkdir(exist_ok=True)
    (folder / "in" / "leads.csv").write_text("lead_id,created_at\n")
    return load_settings(file, environ={})


def publish_release(settings: Settings, *, made: datetime, warnings: int = 0) -> ReleaseInfo:
    """A release made at `made` that describes `AS_OF`; `made` by the minute tells releases apart."""
    columns = ", ".join(column.name for column in SCORECARD.columns)
    casts = ", ".join(f"{column.name}::{column.data_type} as {column.name}" for column in SCORECARD.columns)
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'; create schema zeven")
        make_private_folder(settings.paths.warehouse)
        marts.start_afresh(file := Warehouse(settings).marts_file)
        marts.attach(con, file)
        con.execute(
            f"create table marts.kpi_scorecard as select {casts} from (values {_ROWS}) as rows({columns})"
        )
        con.execute(f"create table marts.metric_catalog as from (values {_NAMES}) as rows(slug, name_en)")
        con.execute(
            "create table zeven.build_result as select 'run-1' as run_id, $1::timestamptz as as_of, "
            "$2::timestamptz as finished_at, true as passed, true as is_whole, '[]'::json as checks",
            [AS_OF, made],
        )
        return publish(
            con,
            settings,
            run_id="run-1",
            as_of=AS_OF,
            code_version="0.1.0",
            warnings=[{"code": "late", "message": f"Finding {number}."} for number in range(warnings)],
            contracts={"kpi_scorecard": SCORECARD, "metric_catalog": CATALOG},
            created_at=made,
        )


def just_now(minutes_ago: int = 0) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes_ago)
