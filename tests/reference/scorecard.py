"""kpi_scorecard.

Belongs here: the headline of every metric beside its comparisons, and the norms that it is held against. Does
not belong here: the metrics themselves; rules that say something to somebody (`signals.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from tests.reference.arithmetic import ratio
from tests.reference.cells import Row
from tests.reference.company import Company
from tests.reference.members import Member
from tests.reference.periods import Period

Place = tuple[Period, Member]
Tables = Mapping[str, list[Row]]


class Metric(NamedTuple):
    kpi: str
    headline: str
    unit: str
    direction: str


METRICS = (
    Metric("number_of_leads", "leads", "leads", "higher_is_better"),
    Metric("lead_response_time", "median_business_response_minutes", "business_minutes", "lower_is_better"),
    Metric("number_of_follow_ups", "follow_ups", "follow_ups", "higher_is_better"),
    Metric("conversion_ratio", "conversion_ratio", "ratio", "higher_is_better"),
    Metric("target_attainment", "attainment_ratio", "ratio", "higher_is_better"),
    Metric("open_pipeline", "open_amount", "currency", "higher_is_better"),
    Metric("closed_sales", "closed_amount", "currency", "higher_is_better"),
)
"""In the order of the catalog."""


class Judgement(NamedTuple):
    """What a value is to be, and how it does."""

    target_value: float | Decimal | None
    status: str | None


NO_NORM = Judgement(None, None)


def scorecard(company: Company, tables: Tables) -> list[Row]:
    attainment = totals(tables["kpi_target_attainment"])
    result = []
    for number, metric in enumerate(METRICS, start=1):
        headlines = totals(tables[f"kpi_{metric.kpi}"])
        for (period, member), row in headlines.items():
            value = row[metric.headline]
            before = _value(headlines, metric, company.calendar.before(period), member)
            year_before = _value(headlines, metric, company.calendar.year_before(period), member)
            judgement = _JUDGED[metric.kpi](row, attainment.get((period, member)), company)
            result.append(
                {
                    "kpi": metric.kpi,
                    "period_type": period.period_type,
                    "period_start": period.start,
                    "level": member.level,
                    "team_id": member.team_id,
                    "rep_id": member.rep_id,
                    "value": value,
                    "unit": metric.unit,
                    "target_value": judgement.target_value,
                    "previous_value": before,
                    "same_period_last_year_value": year_before,
                    "change_ratio": change(value, before) if row.get("is_mature", True) else None,
                    "direction": metric.direction,
                    "status": judgement.status,
                    "sort_order": number,
                }
            )
    return result


def totals(rows: list[Row]) -> dict[Place, Row]:
    return {place_of(row): row for row in rows if row["breakdown"] == "total"}


def place_of(row: Row) -> Place:
    period = Period(row["period_type"], row["period_start"], row["period_end"])
    return period, Member(row["level"], row["team_id"], row["rep_id"])


def change(now: float | None, before: float | None) -> float | None:
    """As a share of the size of the one before; None where there is none, or it is 0."""
    return None if now is None or before is None else ratio(now - before, abs(before))


def conversion_status(row: Row) -> str | None:
    """At any age a cohort can be good; only a mature one can be anything else."""
    share, target = row["conversion_ratio"], row["target_ratio"]
    if share is None or target is None:
        return None
    if share >= target:
        return "good"
    if not row["is_mature"]:
        return None
    return "watch" if row["conversion_ratio_high"] >= target else "bad"


def _value(
    headlines: dict[Place, Row], metric: Metric, period: Period | None, member: Member
) -> float | None:
    found: float | None = None if period is None else headlines[period, member][metric.headline]
    return found


def _leads(row: Row, _: Row | None, company: Company) -> Judgement:
    """A company that has no lead at all, ever, is not short of them."""
    workload, rules = row["workload_ratio"], company.rules
    if workload is None or not company.leads:
        return NO_NORM
    if rules.workload_low <= workload <= rules.workload_high:
        return Judgement(None, "good")
    lowest, highest = _times("0.75", rules.workload_low), _times("1.25", rules.workload_high)
    return Judgement(None, "watch" if lowest <= workload <= highest else "bad")


def _response(row: Row, _: Row | None, company: Company) -> Judgement:
    sla, median, within = (
        company.rules.sla_minutes,
        row["median_business_response_minutes"],
        row["within_sla_ratio"],
    )
    status = "bad"
    if median is None and within is None:
        return Judgement(sla, None)
    if median is not None and median <= sla and within is not None and within >= 0.5:
        status = "good"
    elif median is not None and median <= 2 * sla:
        status = "watch"
    return Judgement(sla, status)


def _follow_ups(row: Row, _: Row | None, company: Company) -> Judgement:
    abandoned, acceptable = row["abandoned_ratio"], company.rules.abandoned_acceptable
    if abandoned is None:
        return NO_NORM
    if abandoned <= acceptable:
        return Judgement(None, "good")
    return Judgement(None, "watch" if abandoned <= 2 * acceptable else "bad")


def _conversion(row: Row, _: Row | None, __: Company) -> Judgement:
    return Judgement(row["target_ratio"], conversion_status(row))


def _attainment(row: Row, _: Row | None, __: Company) -> Judgement:
    return Judgement(1.0 if _above_zero(row["target_amount"]) else None, _OF_ATTAINMENT[row["status"]])


def _sales(_: Row, attainment: Row | None, __: Company) -> Judgement:
    if attainment is None:
        return NO_NORM
    target = attainment["target_amount"]
    return Judgement(target if _above_zero(target) else None, _OF_ATTAINMENT[attainment["status"]])


def _pipeline(_: Row, attainment: Row | None, company: Company) -> Judgement:
    """Against what is left of the target; only of a period that can still reach it."""
    if attainment is None or attainment["is_complete"] or attainment["gap_amount"] is None:
        return NO_NORM
    gap, coverage = attainment["gap_amount"], attainment["coverage_ratio"]
    if gap <= 0:
        return Judgement(None, "good")
    if coverage >= company.rules.coverage_good:
        return Judgement(gap, "good")
    return Judgement(gap, "bad" if coverage < company.rules.coverage_low else "watch")


def _above_zero(amount: Decimal | None) -> bool:
    return amount is not None and amount > 0


def _times(factor: str, setting: float) -> float:
    """Both as they are written: 0.75 x 0.6 is 0.45."""
    return float(Decimal(factor) * Decimal(repr(setting)))


_OF_ATTAINMENT = {"reached": "good", "on_track": "good", "at_risk": "watch", "behind": "bad", None: None}
_JUDGED: dict[str, Callable[[Row, Row | None, Company], Judgement]] = {
    "number_of_leads": _leads,
    "lead_response_time": _response,
    "number_of_follow_ups": _follow_ups,
    "conversion_ratio": _conversion,
    "target_attainment": _attainment,
    "open_pipeline": _pipeline,
    "closed_sales": _sales,
}
