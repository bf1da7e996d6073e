"""A small company with one person in every place we write to, loaded and published without dbt.

Belongs here: what the tests of erasure share, also in the processes that they start. Does not belong here:
the tests.
"""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from orchestration.checks.contracts import Column, Contract
from orchestration.erasure.forget import Asked, forget
from orchestration.ingest import files
from orchestration.publish.catalogue import current
from orchestration.publish.release import publish
from orchestration.settings import Settings, load_settings
from orchestration.spark.folders import landed_folder
from orchestration.spark.landing import land
from orchestration.warehouse import Warehouse

AS_OF = datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)
MARKER = "Wolfeschlegelstein7Q"
EMAIL = "Wolf7q@Example.com"
OTHER = "Rosenblatt"

LEADS = Contract(
    table="fct_leads",
    description="One row per lead.",
    columns=(Column("lead_id", "varchar", "Lead.", required=True),),
    key=("lead_id",),
)
DEALS = Contract(
    table="fct_opportunities",
    description="One row per opportunity.",
    columns=(
        Column("opportunity_id", "varchar", "Opportunity.", required=True),
        Column("lead_id", "varchar", "Lead."),
        Column("amount", "decimal(18,2)", "Amount."),
    ),
    key=("opportunity_id",),
)
ACCOUNTS = Contract(
    table="dim_accounts",
    description="One row per account.",
    columns=(Column("account_id", "varchar", "Account."), Column("account_name", "varchar", "Name.")),
    key=("account_id",),
)
CONTRACTS = {contract.table: contract for contract in (LEADS, DEALS, ACCOUNTS)}

# lead1 and lead2 are one contact, lead3 is merged into lead1; lead4 is another person of the same account
EXPORT = {
    "leads.csv": f"""lead_id,created_at,contact_id,duplicate_of,account_id,campaign,full_name,mail
lead1,2026-01-01T10:00:00Z,contact1,,acc1,Fair,Jan {MARKER},{EMAIL}
lead2,2026-02-01T10:00:00Z,contact1,,acc1,Fair,{MARKER} again,
lead3,2026-02-02T10:00:00Z,,lead1,acc1,Fair,{MARKER} double,
lead4,2026-02-03T10:00:00Z,contact4,,acc1,Fair,{OTHER},other@example.com
lead5,2026-02-04T10:00:00Z,,,acc2,Fair,Somebody,
lead1,never,contact1,,acc1,Fair,Unreadable {MARKER},{EMAIL}
lead6,never,,,acc1,Fair,Unreadable {OTHER},
""",
    "opportunities.csv": f"""opportunity_id,created_at,stage,lead_id,account_id,amount,is_won,deal_name
deal1,2026-01-05T10:00:00Z,Won,lead1,acc1,1000.50,true,{MARKER} seats
deal4,2026-02-05T10:00:00Z,Won,lead4,acc1,2000,true,{OTHER} seats
""",
    "activities.csv": f"""activity_id,activity_type,occurred_at,lead_id,opportunity_id,contact_id,subject
a1,call,2026-01-02T10:00:00Z,lead1,,,{MARKER} lead alone
a2,call,2026-01-03T10:00:00Z,lead1,deal1,contact1,{MARKER} lead and deal
a3,call,2026-01-04T10:00:00Z,,,contact1,{MARKER} contact alone
a4,call,2026-01-04T10:00:00Z,,deal1,,{MARKER} deal alone
a5,call,2026-02-04T10:00:00Z,lead4,,contact1,{MARKER} at the talk with another
a6,call,2026-02-04T10:00:00Z,lead4,,contact4,{OTHER}
""",
    "opportunity_history.csv": f"""opportunity_id,changed_at,stage,amount,note
deal1,2026-01-06T10:00:00Z,Proposal,900,{MARKER} hesitates
deal4,2026-02-06T10:00:00Z,Proposal,900,{OTHER} hesitates
""",
    "accounts.csv": f"""account_id,account_name,industry,owner
acc1,Bakery {OTHER} and Sons,Food,{OTHER}
acc2,One Man {MARKER},Food,
""",
    "reps.csv": "rep_id,rep_name,rep_mail\nR1,Noor,noor@example.com\n",
}


def company_in(folder: Path, *, sources: int = 1, keep: int = 30) -> Settings:
    text = f'[company]\nname = "Small"\n[release]\nkeep = {keep}\n'
    names = ("crm", "second")[:sources]
    for name in names:
        text += f'[sources.{name}]\nkind = "files"\nfolder = "{name}"\nmax_quarantine_ratio = 0.5\n'
        (folder / name).mkdir()
        for file, content in EXPORT.items():
            (folder / name / file).write_text(content, encoding="utf-8")
    (folder / "zeven.toml").write_text(text, encoding="utf-8")
    return load_settings(folder / "zeven.toml", environ={})


def load(settings: Settings) -> list[str]:
    """Load what is new; what the load has to say."""
    with Warehouse(settings).connect() as con:
        files.prepare(con)
        now = datetime.now(UTC)
        loads = [
            files.load_table(con, settings, source, table, now)
            for table in files.TABLES
            for source in settings.sources
        ]
    return [finding for one in loads for finding in one.findings]


def build_and_publish(settings: Settings) -> str:
    """Load, build marts of what is in raw, publish: as a run does, in a tenth of a second."""
    load(settings)
    with Warehouse(settings).connect() as con:
        for table in files.TABLES:  # as a run on Spark does
            land(con, landed_folder(settings), "raw_files", table)
        con.execute("create schema if not exists staging")
        con.execute("create schema if not exists zeven")
        con.execute("create or replace view staging.stg_files__leads as from raw_files.leads")
        con.execute(
            "create or replace table marts.fct_leads as "
            "select distinct _source || ':' || lead_id as lead_id from staging.stg_files__leads"
        )
        con.execute(
            "create or replace table marts.fct_opportunities as select _source || ':' || opportunity_id "
            "as opportunity_id, _source || ':' || lead_id as lead_id, amount from raw_files.opportunities"
        )
        con.execute(
            "create or replace table marts.dim_accounts as "
            "select _source || ':' || account_id as account_id, account_name from raw_files.accounts"
        )
        con.execute(
            "create or replace table zeven.build_result as select 'run-1' as run_id, "
            "$1::timestamptz as as_of, now()::timestamptz as finished_at, true as passed, "
            "true as is_whole, '[]'::json as checks",
            [AS_OF],
        )
        served = current(settings)
        made = served.created_at + timedelta(minutes=1) if served else datetime(2026, 4, 1, tzinfo=UTC)
        release = publish(
            con, settings, run_id="r", as_of=AS_OF, code_version="1", contracts=CONTRACTS, created_at=made
        )
    return release.release_id


def forget_and_die(file: Path, asked: Asked, step: str) -> None:
    """For a process of its own: killed as by `kill -9` right after `step`."""

    def after(done: str) -> None:
        if done == step:
            os.kill(os.getpid(), signal.SIGKILL)

    forget(load_settings(file, environ={}), asked, rebuild=build_and_publish, after=after)


def files_with(settings: Settings, *texts: str) -> list[str]:
    """Every file of ours in whose bytes one of the texts stands, whatever its case."""
    wanted = [text.lower().encode() for text in texts]
    return [
        str(path.relative_to(root.parent))
        for root in (settings.paths.warehouse, settings.paths.published)
        for path in sorted(root.rglob("*"))
        if path.is_file() and not path.is_symlink()
        if any(text in path.read_bytes().lower() for text in wanted)
    ]


def raw(settings: Settings, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(settings.paths.warehouse / "work.duckdb"), read_only=True) as con:
        return con.execute(query).fetchall()


def landed_with(settings: Settings, *texts: str) -> list[str]:
    """Every file for Spark in whose rows one of the texts stands; their bytes are packed."""
    found = []
    for file in sorted(landed_folder(settings).rglob("*.parquet")):
        rows = str(duckdb.sql(f"from read_parquet('{file}')").fetchall()).lower()
        if any(text.lower() in rows for text in texts):
            found.append(str(file))
    return found
