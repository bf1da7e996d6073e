"""How restatements look on a terminal: one line after a run, and the parts of a difference.

Belongs here: turning the summary of a manifest and the data of `zeven diff` into text. Does not belong here:
finding anything out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from orchestration.console import results

Payload = dict[str, Any]
SHOWN_NUMBERS = 40
SHOWN_RECORDS = 5
_MONEY = ("_amount",)


def line(restated: Mapping[str, Any] | None) -> str:
    """`3 closed periods changed: ...`, in one sentence; empty where a release restated nothing."""
    if not restated or restated["against"] is None:
        return ""
    if not restated["numbers"]:
        return str(restated["not_compared"][0]) if restated["not_compared"] else ""
    parts = []
    for number in restated["company_months"][:3]:
        difference = Decimal(number["value_after"] or 0) - Decimal(number["value_before"] or 0)
        reasons = ", ".join(_words(reason) for reason in dict.fromkeys(number["reasons"]))
        month = number["period_start"][:7]
        figure = _figure(difference, number["measure"], restated["currency"], "+")
        parts.append(f"{_words(number['measure'])} of {month} {figure} ({reasons})")
    more = len(restated["company_months"]) - len(parts)
    numbers = "; ".join(parts) + (" and more" if parts and more > 0 else "")
    numbers = numbers or f"{restated['numbers']:,} numbers below the company's totals"
    return f"{count(restated)} changed: {numbers}. `zeven diff previous current` says why."


def count(restated: Mapping[str, Any]) -> str:
    """`3 closed periods`."""
    periods = restated["closed_periods"]
    return f"{periods} closed period{'s' if periods != 1 else ''}"


def show_diff(payload: Payload) -> None:
    """A line per number, its parts beneath it, what could not be compared."""
    out = results()
    before, after = payload["before"], payload["after"]
    found = payload["found"]
    out.print(
        f"From release {before['release_id']} to {after['release_id']}, "
        f"periods that ended before {payload['closed_before']}:",
        soft_wrap=True,
    )
    if not found["numbers"]:
        out.print("No number of a closed period differs.")
    else:
        for number in payload["numbers"][:SHOWN_NUMBERS]:
            _show_number(number, payload["currency"] or "")
        rest = found["numbers"] - min(len(payload["numbers"]), SHOWN_NUMBERS)
        if rest:
            out.print()
            out.print(
                f"{rest:,} more numbers differ, of other periods, levels and breakdowns: "
                "--period and --level narrow, --json has all.",
                soft_wrap=True,
            )
    if payload["new_definitions"]:
        out.print()
        out.print("Definitions that changed in between:", style="bold")
        for definition in payload["new_definitions"]:
            out.print(f"  {definition}", markup=False, soft_wrap=True)
    if payload["not_compared"]:
        out.print()
        out.print("Not compared:", style="bold")
        for note in payload["not_compared"]:
            out.print(f"  {note}", markup=False, soft_wrap=True)


def _show_number(number: Payload, currency: str) -> None:
    out, measure = results(), number["measure"]
    member = number["rep_id"] or number["team_id"]
    of = f" of {member}" if member else ""
    values = " -> ".join(
        "none" if value is None else _figure(value, measure, currency)
        for value in (number["value_before"], number["value_after"])
    )
    out.print()
    out.print(
        f"{number['period_type']} {_period(number)}  {number['metric']}.{measure}{of}: {values}  "
        f"({_figure(number['difference'], measure, currency, '+')})",
        markup=False,
        soft_wrap=True,
        style="bold",
    )
    for part in number["parts"]:
        ids = part["record_ids"][:SHOWN_RECORDS]
        more = part["records"] - len(ids)
        named = ", ".join(ids) + (f" and {more:,} more" if more > 0 else "")
        figure = _figure(part["part"], measure, currency, "+")
        out.print(f"  {figure:>16}  {_words(part['reason']):<18}  {named}", markup=False, soft_wrap=True)


def _period(number: Payload) -> str:
    start: date = number["period_start"]
    return f"{start:%Y-%m}" if number["period_type"] == "month" else f"from {start}"


def _figure(value: Decimal, measure: str, currency: str, sign: str = "") -> str:
    """To the cent: the parts of a number are to add up before the reader's eyes."""
    if measure.endswith(_MONEY):
        return f"{currency} {value:{sign},.2f}".strip()
    return f"{value:{sign},.0f}"


def _words(name: str) -> str:
    return name.replace("_", " ")
