"""`zeven diff`: two releases compared, as plain data, the same for a person and for `--json`.

Belongs here: opening the two, and gathering what the comparison found. Does not belong here: comparing
(`orchestration/restatements/`), or how it looks (`restated.py`). Reads only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.errors import ZevenError
from orchestration.settings import Settings
from orchestration.sql_text import literal

if TYPE_CHECKING:
    from orchestration.publish.manifest import ReleaseInfo

Payload = dict[str, Any]
_NUMBER = (
    "metric",
    "measure",
    "period_type",
    "period_start",
    "period_end",
    "level",
    "team_id",
    "rep_id",
    "breakdown",
    "breakdown_value",
    "value_before",
    "value_after",
)


def gather(
    settings: Settings,
    first: str,
    second: str,
    *,
    period: str | None = None,
    level: str | None = None,
    totals_only: bool = False,
) -> Payload:
    """What differs in periods closed in both, from `first` to `second` (ids, `current`, `previous`).

    `numbers` are narrowed by `period` and `level`, and to those of no breakdown; `found` counts all of them.
    Raises `ZevenError` where a release is not kept any more or is damaged.
    """
    from orchestration.publish import catalogue
    from orchestration.restatements import compare
    from orchestration.restatements.publishing import summarised
    from orchestration.restatements.sides import Comparison, side_of

    releases = [catalogue.find(settings, name) for name in (first, second)]
    before, after = (
        side_of(release.folder, alias) for release, alias in zip(releases, ("before", "after"), strict=True)
    )
    with duckdb.connect(config={"memory_limit": settings.run.memory_limit}) as con:
        for side, release in zip((before, after), releases, strict=True):
            _attach(con, side.alias, release)
        try:
            comparison = Comparison(con, before, after)
            with compare.compared(comparison):
                summary = summarised(comparison)
                numbers = _numbers(con, compare.RESULT, period, level, totals_only)
        except duckdb.Error as error:
            raise _damaged(releases, error) from None
    return {
        "company": settings.company.name,
        "currency": after.currency if comparison.same_currency else None,
        "before": _described(releases[0]),
        "after": _described(releases[1]),
        "closed_before": comparison.closed_before,
        "code_differs": comparison.code_differs,
        "new_definitions": summary["new_definitions"],
        "not_compared": comparison.notes,
        "found": {name: summary[name] for name in ("closed_periods", "numbers", "reasons")},
        "numbers": numbers,
    }


def _attach(con: duckdb.DuckDBPyConnection, alias: str, release: ReleaseInfo) -> None:

    try:
        con.execute(f"attach {literal(release.database)} as {alias} (read_only)")
    except duckdb.Error as error:
        raise _damaged([release], error) from None


def _damaged(releases: list[ReleaseInfo], error: duckdb.Error) -> ZevenError:
    """Which of them has other files than were published; else what DuckDB says."""
    from orchestration.publish.manifest import damage

    for release in releases:
        if sentence := damage(release.folder):
            return ZevenError(f"{sentence} Nothing was compared; choose another release.")
    names = " and ".join(release.release_id for release in releases)
    reason = str(error).split("\n", 1)[0]
    return ZevenError(f"{releases[0].folder.parent}: {names} cannot be compared ({reason}).")


def _described(release: ReleaseInfo) -> Payload:
    return {
        "release_id": release.release_id,
        "as_of": release.as_of,
        "code_version": release.code_version,
        "is_current": release.is_current,
    }


def _numbers(
    con: duckdb.DuckDBPyConnection, table: str, period: str | None, level: str | None, totals_only: bool
) -> list[Payload]:
    """Every number once, the newest period first, with its parts, the largest first."""
    names = ", ".join(_NUMBER)
    found = con.execute(
        f"select {names}, reason, part, records, record_ids from {table} "  # noqa: S608 (own names)
        "where ($period is null or period_type = $period) and ($level is null or level = $level) "
        "and (breakdown = 'total' or not $totals_only) "
        f"order by period_type, period_start desc, metric, {names}, abs(part) desc, reason",
        {"period": period, "level": level, "totals_only": totals_only},
    )
    numbers: list[Payload] = []
    known: tuple[Any, ...] | None = None
    for row in found.fetchall():
        number, (reason, part, records, ids) = row[: len(_NUMBER)], row[len(_NUMBER) :]
        if number != known:
            known = number
            values = dict(zip(_NUMBER, number, strict=True))
            difference = (values["value_after"] or 0) - (values["value_before"] or 0)
            numbers.append({**values, "difference": difference, "parts": []})
        numbers[-1]["parts"].append(
            {
                "reason": reason,
                "part": part,
                "records": records,
                "record_ids": ids.split(", ") if ids else [],
            }
        )
    return numbers
