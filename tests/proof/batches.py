"""Random files for a company of `benchmarks.company`: what a day may bring, to records of any age.

Belongs here: drawing them. Does not belong here: what a build makes of them
(`tests/integration/test_daily_runs.py`).

Every kind of change that moves a number is among them: edits that take a record to another period, member
or breakdown value, deletions, merges, values that nobody had before. What moves the numbers behind the
keys, such as a new rep or a record older than all, comes only where it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from random import Random

import duckdb

_PERSON = "'p' || {number} || '@people.example' as email"
_LEADS = (
    "true as is_deleted",
    "'fair' as source",
    "'podcast ' || {number} as source",
    "null as campaign",
    "'autumn ' || {number} as campaign, 'mining' as industry",
    "{rep} as owner_id",
    "null as owner_id",
    "'disqualified' as status, timestamp '{instant}' as disqualified_at",
    "'converted' as status, created_at + interval 3 day as converted_at",
    "created_at + interval 9 day as became_customer_at",
    "{other} as duplicate_of",
    "created_at - interval 40 day as created_at",
    "created_at + interval 5 day as created_at",
    "{account} as account_id, null as industry",
    "'nobody knows' as status",
    _PERSON,
)
_OPPORTUNITIES = (
    "true as is_deleted",
    "null as amount",
    "amount * 2 as amount",
    "'Won' as stage, true as is_won, created_at::date + 20 as closed_on",
    "'Lost' as stage, false as is_won, created_at::date + 30 as closed_on",
    "null as is_won, null as closed_on, 'Proposal' as stage",
    "{rep} as owner_id",
    "{other_lead} as lead_id",
    "date '2031-05-01' + {number} * 31 as expected_close_on",
    "'USD' as currency",
    "{product} as product_id",
    "'a stage of nobody' as stage",
)
_ACTIVITIES = (
    "true as is_deleted",
    "not is_completed as is_completed",
    "not is_automated as is_automated",
    "occurred_at - interval 11 day as occurred_at",
    "occurred_at + interval 2 day as occurred_at",
    "{rep} as owner_id",
    "{other_lead} as lead_id",
    "null as lead_id, null as opportunity_id",
    "'meeting' as activity_type",
    "'inbound' as direction",
)
_REPS = ("'{team}' as team_id", "not is_active as is_active", "lead_capacity + 3 as lead_capacity")
_KEYS = {"leads": "lead_id", "opportunities": "opportunity_id", "activities": "activity_id"}


def add_batch(
    folder: Path,
    chance: Random,
    day: date,
    *,
    name: str,
    edits: int = 12,
    new: int = 8,
    moves_numbers: bool = False,
) -> None:
    """Write files of `day` into `folder`: `edits` new versions of each kind of record, `new` new ones.

    `name` tells them, and the ids of what is new, from those of other batches.
    """
    with duckdb.connect(config={"threads": 1}) as con:
        drawn = _Drawn(con, folder, chance, day, name)
        drawn.read()
        drawn.edit("leads", _LEADS, edits)
        drawn.edit("opportunities", _OPPORTUNITIES, edits)
        drawn.edit("activities", _ACTIVITIES, edits)
        drawn.add("leads", "created_at", new)
        drawn.add("activities", "occurred_at", 3 * new)
        drawn.add("opportunities", "created_at", new)
        drawn.tell_history()
        if moves_numbers:
            drawn.move_numbers()


def meet_at_fairs(company: Path, fair: Path) -> None:
    """Give the company's leads addresses, some two leads the same, and have a second source know some."""
    known = _PERSON.format(number="hash(lead_id) % 400")
    with duckdb.connect() as con:
        for file in company.glob("leads*.parquet"):
            con.execute(f"create or replace table leads as select *, {known} from '{file}'")
            con.execute(f"copy leads to '{file}' (format parquet)")
        met = "created_at - interval 1 day * (hash(lead_id) % 5 - 2) as created_at"
        fair.mkdir()
        con.execute(
            f"copy (select lead_id, {met}, email, 'fair' as source, 'new' as status, updated_at, is_deleted "
            f"from leads order by hash(lead_id) limit 60) to '{fair}/leads.parquet' (format parquet)"
        )


def meet_again(fair: Path, chance: Random, day: date, name: str) -> None:
    """New versions of leads of the second source: other people, gone, earlier."""
    changes = (
        "true as is_deleted",
        "created_at - interval 90 day as created_at",
        "'disqualified' as status",
        _PERSON.format(number=chance.randrange(400)),
    )
    leads = f"'{fair}/leads.parquet'"
    with duckdb.connect() as con:
        ids = [row[0] for row in con.execute(f"select lead_id from {leads} order by 1").fetchall()]
        versions = [
            f"select * replace (timestamp '{day} 09:00:00' as updated_at, {chance.choice(changes)}) "
            f"from {leads} where lead_id = '{lead}'"
            for lead in chance.sample(ids, 5)
        ]
        query = " union all ".join(versions)
        con.execute(f"copy ({query}) to '{fair}/leads-{name}.parquet' (format parquet)")


def send_again(folder: Path, chance: Random) -> None:
    """Write a file of an earlier day once more, without some of its rows: what it has left is the newest."""
    file = chance.choice(sorted(folder.glob("*-edits.parquet")))
    with duckdb.connect() as con:
        con.execute(f"create table rows as select *, row_number() over () as number from '{file}'")
        kept = f"select * exclude (number) from rows where number % 3 <> {chance.randrange(3)}"
        con.execute(f"copy ({kept}) to '{file}' (format parquet)")


class _Drawn:
    def __init__(
        self, con: duckdb.DuckDBPyConnection, folder: Path, chance: Random, day: date, name: str
    ) -> None:
        self.con, self.folder, self.chance, self.name = con, folder, chance, name
        self.instant = datetime.combine(day, time(8, 30))

    def read(self) -> None:
        """The newest version of every record, as the folder has it."""
        for table, key in _KEYS.items():
            self.con.execute(
                f"create table {table} as "
                f"select * from read_parquet('{self.folder}/{table}[-_.]*parquet', union_by_name = true) "
                f"qualify row_number() over (partition by {key} order by updated_at desc) = 1"
            )
        for table in ("reps", "accounts", "products", "teams"):
            self.con.execute(f"create table {table} as from '{self.folder}/{table}.parquet'")

    def edit(self, table: str, changes: Sequence[str], count: int) -> None:
        key, versions = _KEYS[table], []
        for record in self._some(table, key, count):
            change = self.chance.choice(changes).format(**self._words())
            versions.append(f"select * replace ({change}) from {table} where {key} = '{record}'")
        self._write(table, " union all by name ".join(versions), "edits")

    def add(self, table: str, moment: str, count: int) -> None:
        """Copies of records under ids of their own, that came today."""
        key = _KEYS[table]
        records = ", ".join(f"'{record}'" for record in self._some(table, key, count))
        today = f"'new-{self.name}-' || {key} as {key}, timestamp '{self.instant}' as {moment}"
        today += ", false as is_deleted"
        if table == "opportunities":
            today += ", null as closed_on, null as is_won"
        self._write(table, f"select * replace ({today}) from {table} where {key} in ({records})", "new")

    def tell_history(self) -> None:
        """What the CRM tells of the past of some opportunities, long ago and today."""
        rows = []
        for record in self._some("opportunities", "opportunity_id", 4):
            days_ago = self.chance.randrange(0, 200)
            rows.append(
                f"select '{record}' as opportunity_id, "
                f"timestamp '{self.instant}' - interval {days_ago} day as changed_at, "
                "'Proposal' as stage, 1234.5::decimal(18, 2) as amount, 'EUR' as currency, "
                "0.5::double as probability, null::date as expected_close_on, null::varchar as owner_id"
            )
        file = self.folder / f"opportunity_history-{self.name}.parquet"
        self.con.execute(f"copy ({' union all '.join(rows)}) to '{file}' (format parquet)")

    def move_numbers(self) -> None:
        """A new rep, one who changes the team, a lead older than all records."""
        team, rep = self._one("teams", "team_id"), self._one("reps", "rep_id")
        change = self.chance.choice(_REPS).format(team=team)
        new = f"'A-{self.name}' as rep_id, '{team}' as team_id"
        file = self.folder / f"reps-{self.name}.parquet"
        of_rep = f"from reps where rep_id = '{rep}'"
        self.con.execute(
            f"copy (select * replace ({new}) {of_rep} "
            f"union all by name select * replace ({change}) {of_rep}) to '{file}' (format parquet)"
        )
        oldest = "(select min(created_at) from leads) - interval 70 day as created_at"
        lead = self._one("leads", "lead_id")
        self._write("leads", f"select * replace ({oldest}) from leads where lead_id = '{lead}'", "old")

    def _write(self, table: str, query: str, name: str) -> None:
        file = self.folder / f"{table}-{self.name}-{name}.parquet"
        columns = ", ".join(
            f"cast({column} as {kind}) as {column}"
            for column, kind, *_ in self.con.execute(f"describe {table}").fetchall()
        )
        dated = f"select * replace (timestamp '{self.instant}' as updated_at) from ({query})"
        self.con.execute(f"copy (select {columns} from ({dated})) to '{file}' (format parquet)")

    def _words(self) -> dict[str, object]:
        return {
            "number": self.chance.randrange(100),
            "instant": self.instant,
            "rep": f"'{self._one('reps', 'rep_id')}'",
            "other": f"'{self._one('leads', 'lead_id')}'",
            "other_lead": f"'{self._one('leads', 'lead_id')}'",
            "account": f"'{self._one('accounts', 'account_id')}'",
            "product": f"'{self._one('products', 'product_id')}'",
        }

    def _some(self, table: str, key: str, count: int) -> list[str]:
        known = [row[0] for row in self.con.execute(f"select {key} from {table} order by 1").fetchall()]
        return self.chance.sample(known, min(count, len(known)))

    def _one(self, table: str, key: str) -> str:
        return self._some(table, key, 1)[0]
