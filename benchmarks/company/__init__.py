"""A made-up company of any size, as export files in Parquet, and the files that a day adds to them.

Belongs here: how large a company of a scale is, and which files it has. Does not belong here: what a lead or
an activity looks like (the SQL beside this file), a company of which every number is known (`demo/`).

The demo company is simulated record by record, so that its ledger knows every number. This one is there to be
large: every value is drawn from a hash of its record's number, so DuckDB writes it without holding any of it,
and the same size gives the same rows.
"""

# ruff: noqa: S608 -- all that the queries are made of stands in this folder

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import duckdb

SQL = Path(__file__).parent
FEW = ("teams", "reps", "accounts", "products", "targets", "exchange_rates")
"""The tables of `few.sql`, in its order."""
MEMORY = "2GB"
SHARE_OF_TEN = (0, 1, 2, 4, 6, 9, 12, 16, 21, 29)
"""Activities of each of ten leads, in turns; a hundred together."""
LATE, EARLY = 0.03, 0.02
"""Of all leads: those in the late file, and those of them that came before, in an older version."""


@dataclass(frozen=True)
class Size:
    """Of a company; `until` is its last day, of which it works until nine in the evening (UTC)."""

    leads: int
    reps: int
    seed: int = 7
    until: date = date(2026, 10, 29)
    years: int = 3

    @property
    def activities(self) -> int:
        return 10 * self.leads

    @property
    def opportunities(self) -> int:
        return self.leads // 4

    @property
    def teams(self) -> int:
        return max(self.reps // 12, 3)

    @property
    def records(self) -> int:
        return self.leads + self.activities + self.opportunities

    def monthly_target(self) -> int:
        """Of a rep, in EUR: about what one wins in a usual month."""
        return round(0.25 * 19_000 * self.opportunities / self.reps / (12 * self.years))


def size_of(scale: float) -> Size:
    """At scale 1 a million leads, ten million activities, 250,000 opportunities, and a thousand reps.

    There are never fewer than ten reps nor more than a thousand; in between, each has a thousand leads.
    """
    leads = max(round(scale * 100_000) * 10, 100)
    return Size(leads=leads, reps=max(10, min(1_000, round(1_000 * scale))))


def make_company(folder: Path, size: Size) -> None:
    """Write its export into `folder`, which is emptied first: a file of each table, and some that came late.

    A few leads come in the late file, some for the first time, some with the version that counts, of which an
    older one came before.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    deals = f"select o, created(lead_of(o)) as lead_s from range({size.opportunities}) as numbers(o)"
    with _writer(size, size.until) as writer:
        for table, text in zip(FEW, writer.text("few.sql").split(";\n"), strict=True):
            writer.write(text, folder / f"{table}.parquet")
        for name, drawn in (("leads", f">= {LATE}"), ("leads_late", f"< {LATE}")):
            writer.write(
                writer.text("leads.sql", f"{_leads(size)} where u(n, 90) {drawn}"), folder / f"{name}.parquet"
            )
        first_seen = (
            "select * replace ('working' as status, null::timestamp as converted_at, null::varchar "
            "as contact_id, null::timestamp as disqualified_at, created_at as updated_at) from "
            f"({writer.text('leads.sql', f'{_leads(size)} where u(n, 90) < {EARLY}')})"
        )
        writer.write(first_seen, folder / "leads_early.parquet")
        for table in ("opportunities", "opportunity_history", "opportunity_products"):
            writer.write(writer.text(f"{table}.sql", deals), folder / f"{table}.parquet")
        for name, drawn in (("activities", ">= 0.01"), ("activities_late", "< 0.01")):
            numbers = f"select * from ({_activities(size)}) where u(j, 91) {drawn}"
            writer.write(writer.text("activities.sql", numbers), folder / f"{name}.parquet")


def daily_batch(folder: Path, size: Size, fraction: float, days: int = 1) -> date:
    """Add the files of a day to `folder`, `days` after `size.until`; that day.

    They hold `fraction` of the company's leads, opportunities and activities: half of them new, half new
    versions of old ones, one in twenty of which is deleted.
    """
    day = size.until + timedelta(days=days)
    # no two days bring the same numbers; the lead of an opportunity has four times its number
    first_deal = size.opportunities + days * (size.opportunities // 10)
    first_lead, first_activity = 4 * first_deal, size.activities + days * (size.activities // 10)
    morning = _instant(day, time(6))
    stamp = day.isoformat()
    leads, deals, activities = (
        max(round(count * fraction / 2), 1) for count in (size.leads, size.opportunities, size.activities)
    )
    drawn = "{morning} + (u({key}, 94) * 36000)::bigint"
    new = {
        "leads": f"select n, {drawn} as instant from range({first_lead}, {first_lead + leads}) as numbers(n)",
        **dict.fromkeys(
            ("opportunities", "opportunity_history", "opportunity_products"),
            f"select o, {drawn} as lead_s from range({first_deal}, {first_deal + deals}) as numbers(o)",
        ),
        # with the leads of the last months
        "activities": (
            f"select j, ({size.leads} * (0.9 + 0.1 * u(j, 96)))::bigint as n, 0 as k, {drawn} as lead_s "
            f"from range({first_activity}, {first_activity + activities}) as numbers(j)"
        ),
    }
    with _writer(size, day) as writer:
        for table, numbers in new.items():
            # an opportunity is drawn from its lead, so that it comes after it
            key = {"leads": "n", "activities": "j"}.get(table, "lead_of(o)")
            text = writer.text(f"{table}.sql", numbers.format(morning=morning, key=key))
            writer.write(text, folder / f"{table}-{stamp}.parquet")
    edits = {
        "leads": (
            _leads(size),
            "n",
            "case when status in ('new', 'working') then 'qualified' else status end as status",
        ),
        "opportunities": (
            f"select o, created(lead_of(o)) as lead_s from range({size.opportunities}) as numbers(o)",
            "o",
            "(amount * 1.1)::decimal(18, 2) as amount",
        ),
        "activities": (f"select * from ({_activities(size)})", "j", "true as is_completed"),
    }
    with _writer(size, size.until) as writer:
        for table, (numbers, key, edit) in edits.items():
            old = writer.text(f"{table}.sql", f"{numbers} where u({key}, 92) < {fraction / 2}")
            number = f"substr({_key(table)}, 2)::bigint"
            text = (
                f"select * replace (is_deleted or u({number}, 95) < 0.05 as is_deleted, {edit}, "
                f"stamp({morning} + (u({number}, 93) * 36000)::bigint) as updated_at) from ({old})"
            )
            writer.write(text, folder / f"{table}-{stamp}-edited.parquet")
    return day


def _key(table: str) -> str:
    return {"leads": "lead_id", "opportunities": "opportunity_id", "activities": "activity_id"}[table]


def _leads(size: Size) -> str:
    return f"select n, created(n) as instant from range({size.leads}) as numbers(n)"


def _activities(size: Size) -> str:
    """j, n (its lead), k (it is the lead's how manieth) and lead_s of every activity."""
    places = [(lead, number) for lead, share in enumerate(SHARE_OF_TEN) for number in range(share)]
    leads, numbers = ([place[part] for place in places] for part in (0, 1))
    return (
        "select j, n, k, created(n) as lead_s from ("
        f"select j, j // 100 * 10 + ({leads}[1 + j % 100] + j // 100) % 10 as n, {numbers}[1 + j % 100] as k "
        f"from range({size.activities}) as numbers(j))"
    )


def _instant(day: date, at: time) -> int:
    """In seconds of the epoch."""
    return int(datetime.combine(day, at, UTC).timestamp())


@dataclass(frozen=True)
class _Writer:
    con: duckdb.DuckDBPyConnection
    values: dict[str, object]

    def text(self, file: str, numbers: str = "") -> str:
        """The query of a file, of the records that `numbers` gives."""
        text = (SQL / file).read_text(encoding="utf-8").replace("{numbers}", numbers)
        for name, value in self.values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def write(self, query: str, file: Path) -> None:
        self.con.execute(
            f"copy ({query.rstrip().rstrip(';')}) to '{file}' (format parquet, compression zstd)"
        )


@contextmanager
def _writer(size: Size, last: date) -> Iterator[_Writer]:
    """`last` is the day after which nothing lies; what a record was drawn as follows from the size alone."""
    start = size.until - timedelta(days=365 * size.years)
    values: dict[str, object] = {
        "seed": size.seed,
        "leads": size.leads,
        "reps": size.reps,
        "teams": size.teams,
        "accounts": max(size.leads // 5, 1),
        "target": size.monthly_target(),
        "start": _instant(start, time(6)),
        "until": _instant(size.until, time(21)),
        "now": _instant(last, time(21)),
    }
    with duckdb.connect(":memory:", config={"memory_limit": MEMORY}) as con:
        con.execute("set TimeZone = 'UTC'")
        writer = _Writer(con, values)
        con.execute(writer.text("macros.sql"))
        yield writer
