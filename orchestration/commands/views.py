"""How the answers of the commands look on a terminal: a few lines, a table, what to do next.

Belongs here: turning a command's plain data into text. Does not belong here: finding anything out; the same
data is what `--json` shows.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from orchestration.commands.numbers import Numbers, comparison, shown
from orchestration.commands.restated import line as restated_line
from orchestration.console import duration, results

if TYPE_CHECKING:
    from rich.table import Table

Payload = dict[str, Any]
SHOWN_MESSAGES = 5
"""Warnings and failures beyond these are counted; `--json` and the Dagster UI have them all."""

_FROM_CHECKS = ("contract", "sanity")
_MARK = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "wrong": ("wrong", "bold red")}
_STATUS_COLOUR = {"good": "green", "watch": "yellow", "bad": "red"}


def _facts(rows: list[tuple[str, str]]) -> Table:
    """Names on the left, facts on the right."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in rows:
        table.add_row(Text(name), Text(fact))
    return table


def _grid(*columns: tuple[str, bool]) -> Table:
    """A plain table; a column is (title, whether it holds figures)."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for title, is_figure in columns:
        table.add_column(title, justify="right" if is_figure else "left", no_wrap=is_figure)
    return table


def _moment(value: datetime, time_zone: str) -> str:
    """In company time, to the second: an end of day must not look like the next day."""
    return f"{value.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M:%S}"


def _hours(value: float) -> str:
    return f"{value:.1f} hours" if value < 48 else f"{value / 24:.0f} days"


def _some(messages: list[str]) -> list[str]:
    more = len(messages) - SHOWN_MESSAGES
    return messages[:SHOWN_MESSAGES] + ([f"and {more:,} more"] if more > 0 else [])


def show_run(payload: Payload) -> None:
    """The seven numbers, the warnings, and where to look."""
    out = results()
    zone, release = payload["time_zone"], payload["release"]
    if payload["nothing_new"]:
        out.print(f"Nothing new since release {release['release_id']}; it stays. (--force builds anyway.)")
    else:
        took = duration(payload["seconds"])
        out.print(
            f"Release {release['release_id']} is published, {release['checks']:,} checks passed, in {took}."
        )
    out.print(f"It describes {payload['company']} as of {_moment(release['as_of'], zone)} ({zone}).")
    if payload["numbers"] is not None:
        out.print()
        out.print(numbers_table(payload["numbers"]))
    if payload["warnings"]:
        out.print()
        out.print("Worth knowing:", style="bold")
        # what a check or the last release speaks against comes before what is odd in single records
        warnings = sorted(payload["warnings"], key=lambda warning: warning.get("kind") not in _FROM_CHECKS)
        for message in _some([warning["message"] for warning in warnings]):
            out.print(f"  {message}", markup=False)
        if payload["rejects"]:
            sentence = f"  The keys of the rows that failed a check: {payload['rejects']}"
            out.print(sentence, markup=False, soft_wrap=True)
    if restated := restated_line(payload["restated"]):
        out.print()
        out.print(restated, markup=False, soft_wrap=True)
    where = payload["where"]
    out.print()
    out.print("Where to look next:", style="bold")
    out.print(_facts([
        ("  pages", "make dev, then http://127.0.0.1:3000"),
        ("  tables", f"{where['database']}  (any DuckDB client)"),
        ("  BI tools", f"{where['gateway']}  (always the newest release)"),
    ]))  # fmt: skip


def numbers_table(numbers: Numbers) -> Table:
    """The seven numbers: the newest complete month, and beside it the one that runs."""
    from rich.text import Text

    table = _grid(
        ("", False),
        (f"{numbers.complete_month:%b %Y}", True),
        ("target", True),
        ("month before", True),
        ("change", True),
        ("", False),
        (f"{numbers.running_month:%b %Y} so far", True),
    )
    for row in numbers.rows:
        table.add_row(
            row.name,
            Text(shown(row.complete_value, row.unit, numbers.currency), style="bold"),
            shown(row.target_value, row.unit, numbers.currency) if row.target_value is not None else "",
            shown(row.previous_value, row.unit, numbers.currency),
            comparison(row),
            Text(row.status or "", style=_STATUS_COLOUR.get(row.status or "", "")),
            shown(row.running_value, row.unit, numbers.currency),
        )
    return table


def show_demo(payload: Payload) -> None:
    """What was made, or that it was there."""
    results().print(payload["sentence"], markup=False, soft_wrap=True)


def show_status(payload: Payload) -> None:
    """One fact a line."""
    rows = [("company", payload["company"]), ("settings", str(payload["settings"]))]
    release, zone = payload["release"], payload["time_zone"]
    if release is None:
        rows.append(("release", "none yet; `zeven run` makes the first"))
    else:
        rows.append(("release", release["release_id"]))
        rows.append(("as of", f"{_moment(release['as_of'], zone)} ({zone})"))
        stale = f"STALE, older than {release['max_age_hours']} hours" if release["is_stale"] else "fresh"
        rows.append(("age", f"{_hours(release['age_hours'])}, {stale}"))
        rows.append(
            ("holds", f"{release['tables']} tables, {release['rows']:,} rows, {release['checks']:,} checks")
        )
        if release["warnings"]:
            rows.append(("warnings", f"{release['warnings']:,}"))
        if restated := restated_line(release["restated"]):
            rows.append(("restated", restated))
    if payload["last_failure"]:
        failure = payload["last_failure"]
        when = f" at {_moment(datetime.fromisoformat(failure['when']), zone)}" if failure["when"] else ""
        rows.append(("refused", f"the newest run{when} published nothing: {failure['message']}"))
        if failure["rejects"]:
            rows.append(("rejects", f"{failure['rejects']} (the keys of the failing rows)"))
    rows.append(("pending", _pending_fact(payload["pending"])))
    rows.append(("at work", payload["writer"]["sentence"] if payload["writer"] else "nobody"))
    results().print(_facts(rows))


def _pending_fact(pending: Payload) -> str:
    if pending["unknown"]:
        return f"not known: {pending['unknown']}"
    if not pending["files"]:
        return "nothing new in the sources"
    tables = ", ".join(f"{table} {count}" for table, count in pending["tables"].items())
    return f"{pending['files']} new files ({tables})" if pending["files"] > 1 else f"1 new file ({tables})"


def show_releases(payload: Payload) -> None:
    """One release a line, newest first."""
    out, zone = results(), payload["time_zone"]
    if not payload["releases"]:
        out.print("No release yet; `zeven run` makes the first.")
        return
    names, figures = ("release", "", "as of", "made"), ("rows", "checks", "warnings", "restated")
    table = _grid(*((name, False) for name in names), *((name, True) for name in figures))
    for release in payload["releases"]:
        table.add_row(
            release["release_id"],
            "serves" if release["is_current"] else "",
            _moment(release["as_of"], zone),
            _moment(release["created_at"], zone),
            f"{release['rows']:,}",
            f"{release['checks']:,}",
            f"{release['warnings']:,}",
            f"{release['restated']['numbers']:,}" if release["restated"] else "",
        )
    out.print(table)


def show_rollback(payload: Payload) -> None:
    """From where to where."""
    now, before = payload["release"]["release_id"], payload["before"]
    if now == before:
        results().print(f"Release {now} serves already.")
    else:
        results().print(
            f"Release {now} serves again, instead of {before}. `zeven rollback {before}` goes back."
        )


def show_doctor(payload: Payload) -> None:
    """One line for every thing looked at, and what to do where it is not well."""
    from rich.text import Text

    out = results()
    table = _grid(("", False), ("", False), ("", False))
    table.show_header = False
    for finding in payload["findings"]:
        word, colour = _MARK[finding["verdict"]]
        said = " ".join(part for part in (finding["message"], finding["advice"]) if part)
        table.add_row(Text(word, style=colour), finding["subject"], Text(said, overflow="fold"))
    out.print(table)
    out.print()
    out.print("Nothing is wrong." if not payload["wrong"] else f"{payload['wrong']} wrong: see above.")
