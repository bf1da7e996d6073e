"""Where Zeven's tables are not what Creme says.

Belongs here: the comparisons. Does not belong here: making either side.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

KEYS = {
    "teams": "team_id",
    "reps": "rep_id",
    "accounts": "account_id",
    "leads": "lead_id",
    "opportunities": "opportunity_id",
    "activities": "activity_id",
}
STATE = ("stage", "amount", "currency", "probability", "expected_close_on", "owner_id")
SHOWN = 3

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Line:
    """One comparison: how many Creme has, how many Zeven has, and where they differ."""

    what: str
    creme: int
    zeven: int
    wrong: tuple[str, ...] = ()

    def written(self) -> str:
        verdict = f"{len(self.wrong)} DIFFER" if self.wrong else "equal"
        shown = "".join(f"\n    {one}" for one in self.wrong[:SHOWN])
        return f"{self.what:<66} {self.creme:>8} {self.zeven:>8}  {verdict}{shown}"


def of_raw(work: Path, told: Mapping[str, Rows], purged: set[str], *, purged_is_known: bool) -> list[Line]:
    """The canonical tables, row by row and value by value. What was deleted for good is marked as deleted in
    raw when all keys were compared, and not before."""
    lines = []
    with duckdb.connect(str(work), read_only=True) as con:
        for table, key in KEYS.items():
            expected = {_text(row[key]): _texts(row) for row in told[table]}
            found = {_text(row[key]): row for row in _rows(con, f"raw_files.{table}")}
            wrong = [f"{one} is missing" for one in sorted(expected.keys() - found.keys())]
            for one in sorted(found.keys() - expected.keys()):
                is_gone = found[one].get("is_deleted") is True
                if one not in purged or is_gone is not purged_is_known:
                    wrong.append(f"{one} is not in Creme and {'deleted' if is_gone else 'alive'} in Zeven")
            for one in sorted(expected.keys() & found.keys()):
                ours = {name: _text(found[one][name]) for name in expected[one]}
                if ours != expected[one]:
                    wrong.append(f"{one}: {_different(expected[one], ours)}")
            lines.append(Line(f"raw_files.{table}", len(expected), len(found), tuple(wrong)))
        aside = tuple(str(one["reason"]) for one in _rows(con, "raw_files.quarantine"))
        lines.append(Line("raw_files.quarantine", 0, len(aside), aside))
        odd = con.execute(
            "select count(*) from raw_files.load_ledger where rows_in <> rows_loaded + rows_quarantined"
            " + rows_withheld + rows_unchanged + rows_replaced"
        ).fetchall()[0][0]
        lines.append(Line("raw_files.load_ledger: batches that do not add up", 0, odd, ("",) * odd))
    return lines


def of_history(work: Path, told: Mapping[str, Rows], changes: Rows) -> list[Line]:
    """The history in raw, against who made the changes and against Creme's own audit trail."""
    there = {_text(row["opportunity_id"]) for row in told["opportunities"]}
    with duckdb.connect(str(work), read_only=True) as con:
        found = [row for row in _rows(con, "raw_files.opportunity_history") if row["opportunity_id"] in there]
    names = ("opportunity_id", "changed_at", *STATE)
    ours = {tuple(_text(row[name]) for name in names) for row in found}
    theirs = {tuple(_text(row[name]) for name in names) for row in changes}
    theirs = {one for one in theirs if one[0] in there}
    wrong = [f"missing: {one}" for one in sorted(theirs - ours)]
    wrong += [f"more: {one}" for one in sorted(ours - theirs)]
    lines = [Line("history: values after each change, by who changed", len(theirs), len(ours), tuple(wrong))]
    trail = {
        (_text(row["opportunity_id"]), _text(row["changed_at"])): row["changes"] for row in told["history"]
    }
    by_moment = {(one[0], one[1]): one for one in sorted(ours)}
    wrong = [f"{one} is missing" for one in trail.keys() - by_moment.keys()]
    wrong += [f"{one} is not in Creme's trail" for one in by_moment.keys() - trail.keys()]
    stages = amounts = 0
    for one in sorted(trail.keys() & by_moment.keys()):
        before = max((other for other in by_moment if other[0] == one[0] and other[1] < one[1]), default=None)
        now, then = by_moment[one], by_moment[before] if before else None
        if "sales_phase_id" in trail[one]:
            stages += 1
            if then is None or [then[2], now[2]] != [_text(stage) for stage in trail[one]["sales_phase_id"]]:
                wrong.append(f"{one}: stage {then and then[2]} -> {now[2]}, the trail has {trail[one]}")
        if sold := trail[one].get("made_sales"):
            amounts += 1
            if now[3] != _text(sold[1]):
                wrong.append(f"{one}: amount {now[3]}, the trail has {sold}")
    lines.append(Line("history: moments of Creme's audit trail", len(trail), len(by_moment), tuple(wrong)))
    lines.append(Line("  of these, stages before and after", stages, stages))
    lines.append(Line("  of these, amounts that were sold", amounts, amounts))
    return lines


def of_release(release: Path, told: Mapping[str, Rows], changes: Rows, ignored: set[str]) -> list[Line]:
    """The published history of every opportunity that is not deleted, and what was won; without those of
    which Zeven cannot know yet that they were deleted for good."""
    alive = {_text(row["opportunity_id"]): row for row in told["opportunities"] if not row["is_deleted"]}
    with duckdb.connect(str(release), read_only=True) as con:
        intervals = con.execute(
            "select split_part(opportunity_id, ':', 2), valid_from, stage, source_amount"
            " from fct_opportunity_history where status <> 'deleted' order by 1, 2"
        ).fetchall()
        won = con.execute(
            "select split_part(opportunity_id, ':', 2), source_amount from fct_opportunities"
            " where outcome = 'won'"
        ).fetchall()
    ours: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for key, *state in intervals:
        if key in alive:
            ours[key].append(tuple(map(_text, state)))
    theirs: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for row in sorted(changes, key=lambda row: str(row["changed_at"])):
        if (key := _text(row["opportunity_id"])) in alive:
            theirs[key].append((_text(row["changed_at"]), _text(row["stage"]), _text(row["amount"])))
    wrong = [
        f"{key}: Creme {_merged(theirs[key])}, Zeven {_merged(ours[key])}"
        for key in sorted(alive)
        if _merged(theirs[key]) != _merged(ours[key])
    ]
    counts = [sum(len(_merged(one)) for one in side.values()) for side in (theirs, ours)]
    lines = [Line("published: stages and amounts of opportunities, when", *counts, tuple(wrong))]
    expected = {key: _text(row["amount"]) for key, row in alive.items() if row["is_won"]}
    found = {key: _text(amount) for key, amount in won if key not in ignored}
    odd = tuple(map(str, sorted({*expected.items()} ^ {*found.items()})))
    lines.append(Line("published: opportunities won, and for how much", len(expected), len(found), odd))
    sums = [round(sum(float(one or 0) for one in side.values())) for side in (expected, found)]
    lines.append(Line("  together, EUR", *sums, ("",) * (sums[0] != sums[1])))
    return lines


def _merged(states: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without those that say the same as the one before."""
    kept: list[tuple[str, ...]] = []
    for state in states:
        if not kept or kept[-1][1:] != state[1:]:
            kept.append(state)
    return kept


def _rows(con: duckdb.DuckDBPyConnection, relation: str) -> list[dict[str, Any]]:
    found = con.execute(f"select * from {relation}")
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _texts(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in row.items()}


def _text(value: Any) -> str:
    """Alike for what JSON and DuckDB have: numbers to six decimals, instants to the microsecond."""
    if value is None:
        return ""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def _different(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    return ", ".join(
        f"{name} {expected[name]!r} in Creme, {found[name]!r} in Zeven"
        for name in expected
        if expected[name] != found[name]
    )
