"""What a candidate restates against the release that serves: the table it brings along, and its summary.

Belongs here: comparing while publishing, and what the manifest says of it. Does not belong here: comparing
itself (`compare.py`), and what a person sees (`commands/`).

A release that cannot be compared stops no publication: the table is empty then, and the summary says why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.checks.contracts import Contract, contract_hash
from orchestration.errors import ZevenError
from orchestration.patches import changed_since
from orchestration.progress import Event, report
from orchestration.publish.manifest import DATABASE
from orchestration.restatements import compare
from orchestration.restatements.compare import RESTATEMENTS, RESULT
from orchestration.restatements.sides import Comparison, Side, side_of
from orchestration.sql_text import identifier, literal

BEFORE = "zeven_before"
SHOWN_NUMBERS = 5


@dataclass
class Restating:
    """`before` is the folder of the release that serves, None before the first; `summary` is the outcome.

    `withheld` are hashes of the ids of forgotten records, which the release before may still hold.
    """

    before: Path | None
    as_of: datetime
    code_version: str
    time_zone: str
    currency: str
    contracts: Mapping[str, Contract]
    definitions: Sequence[str] | None
    withheld: frozenset[str] = frozenset()
    summary: dict[str, Any] = field(default_factory=dict)

    def add_to(self, con: duckdb.DuckDBPyConnection, alias: str, hashes: Mapping[str, str]) -> None:
        """Make the table in the attached candidate, whose Parquet files have these hashes."""
        columns = ", ".join(
            f"{identifier(column.name)} {column.data_type}" for column in RESTATEMENTS.columns
        )
        target = f"{identifier(alias)}.main.{identifier(RESTATEMENTS.table)}"
        con.execute(f"create table {target} ({columns})")
        self.summary = {"against": self.before.name if self.before else None, **_nothing()}
        if self.before is None:
            return
        started = time.monotonic()
        after = Side(
            alias=alias,
            release_id="that is made now",
            as_of=self.as_of,
            time_zone=self.time_zone,
            currency=self.currency,
            code_version=self.code_version,
            contract_hash=contract_hash(dict(self.contracts)),
            hashes=hashes,
            definitions=self.definitions,
        )
        try:
            before = side_of(self.before, BEFORE)
            con.execute(f"attach {literal(self.before / DATABASE)} as {BEFORE} (read_only)")
        except (ZevenError, duckdb.Error) as error:
            self._give_up(error)
            return
        try:
            comparison = Comparison(con, before, after, self.withheld, changed_since(con, before.run_id))
            with compare.compared(comparison):
                self.summary |= summarised(comparison)
                order = ", ".join(RESTATEMENTS.key)
                con.execute(f"insert into {target} from {RESULT} order by {order}")
        except duckdb.Error as error:
            if isinstance(error, duckdb.OutOfMemoryException) or "no space left" in str(error).lower():
                raise
            self._give_up(error)
        finally:
            con.execute(f"detach {BEFORE}")
        report(
            Event(
                "publish",
                RESTATEMENTS.table,
                "done",
                rows=self.summary["parts"],
                seconds=time.monotonic() - started,
            )
        )

    def _give_up(self, error: Exception) -> None:
        assert self.before is not None
        reason = str(error).split("\n", 1)[0]
        note = f"Nothing was compared with release {self.before.name}: {reason}"
        self.summary |= _nothing() | {"not_compared": [note]}


def _nothing() -> dict[str, Any]:
    return {
        "closed_periods": 0,
        "numbers": 0,
        "parts": 0,
        "currency": "",
        "company_months": [],
        "reasons": {},
        "new_definitions": [],
        "not_compared": [],
    }


def summarised(comparison: Comparison) -> dict[str, Any]:
    """What the manifest and one line on a terminal say, from the result that stands in `RESULT`.

    `closed_periods` counts months, and, where no month changed, the longer or shorter periods that did;
    `company_months` has the company's largest changes of amounts and counts, `reasons` how many numbers each
    reason has a part in.
    """
    con = comparison.con
    [(numbers, rows)] = con.execute(
        f"select count(distinct (metric, measure, {', '.join(compare.KEY)})), count(*) from {RESULT}"
    ).fetchall()
    periods = dict(
        con.execute(f"select period_type, count(distinct period_start) from {RESULT} group by all").fetchall()
    )
    months = con.execute(
        "select metric, measure, period_start, any_value(value_before)::varchar, "
        "any_value(value_after)::varchar, list(reason order by abs(part) desc, reason) "
        f"from {RESULT} "
        "where period_type = 'month' and level = 'company' and breakdown = 'total' "
        "group by metric, measure, period_start "
        "order by period_start desc, abs(sum(part)) desc, metric, measure limit ?",
        [SHOWN_NUMBERS],
    ).fetchall()
    names = ("metric", "measure", "period_start", "value_before", "value_after", "reasons")
    reasons = con.execute(
        f"select reason, count(*) from {RESULT} group by all order by count(*) desc, reason"
    ).fetchall()
    return {
        "closed_periods": periods.get("month") or max(periods.values(), default=0),
        "numbers": numbers,
        "parts": rows,
        "currency": comparison.after.currency,
        "company_months": [
            dict(zip(names, (*row[:2], row[2].isoformat(), *row[3:]), strict=True)) for row in months
        ],
        "reasons": dict(reasons),
        "new_definitions": comparison.new_definitions(),
        "not_compared": comparison.notes,
    }
