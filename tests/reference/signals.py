"""kpi_signals.

Belongs here: which rule fires for whom, and who is told. Does not belong here: the metrics, and the norms
that they are held against (`scorecard.py`); the sentences, which stand in a seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.reference.arithmetic import Z_95, ratio
from tests.reference.cells import Row
from tests.reference.company import Company
from tests.reference.members import COMPANY, Member
from tests.reference.periods import Period
from tests.reference.scene import Scene, Subject
from tests.reference.scorecard import Tables, change, conversion_status

UNCERTAINTY_OF_ADJUSTED = 1.5
GROUPS = ("company", "team")
EVERYBODY = (*GROUPS, "rep")


class Fired(NamedTuple):
    value: float
    reference: float | None
    severity: str
    direction: str = ""


def _below_capacity(scene: Scene, subject: Subject) -> Fired | None:
    return _workload(scene, subject, lambda workload: workload < scene.rules.workload_low)


def _above_capacity(scene: Scene, subject: Subject) -> Fired | None:
    return _workload(scene, subject, lambda workload: workload > scene.rules.workload_high)


def _workload(scene: Scene, subject: Subject, is_off: Callable[[float], bool]) -> Fired | None:
    row, norm = scene.row("number_of_leads", subject), scene.norm("number_of_leads", subject)
    if norm is None or not is_off(row["workload_ratio"]) or (subject.member.level == "rep" and norm != "bad"):
        return None
    return Fired(row["workload_leads_per_rep"], row["capacity_leads_per_rep"], _by_norm(norm))


class Change(NamedTuple):
    size: float | None
    is_more_than_chance: bool


def _changes(scene: Scene, subject: Subject) -> tuple[Change, Change]:
    """Of the leads as they are, and corrected for the season."""
    row, before = scene.row("number_of_leads", subject), scene.before("number_of_leads", subject) or {}
    columns = (("leads", 1.0), ("seasonally_adjusted_leads", UNCERTAINTY_OF_ADJUSTED))
    raw, adjusted = (_change(row[name], before.get(name), factor) for name, factor in columns)
    return raw, adjusted


def _change(now: float | None, before: float | None, factor: float) -> Change:
    if now is None or before is None:
        return Change(None, False)
    by_chance = Z_95 * math.sqrt(factor * (now + before))
    return Change(change(now, before), abs(now - before) > by_chance)


def _seasonal_swing(scene: Scene, subject: Subject) -> Fired | None:
    raw, adjusted = _changes(scene, subject)
    if raw.size is None or adjusted.size is None or not raw.is_more_than_chance:
        return None
    if abs(raw.size) < scene.rules.change_large or abs(adjusted.size) > scene.rules.change_small:
        return None
    return Fired(raw.size, adjusted.size, "info", "up" if raw.size > 0 else "down")


def _real_trend(scene: Scene, subject: Subject) -> Fired | None:
    raw, adjusted = _changes(scene, subject)
    if adjusted.size is None or not adjusted.is_more_than_chance:
        return None
    if abs(adjusted.size) < scene.rules.change_large:
        return None
    is_up = adjusted.size > 0
    return Fired(adjusted.size, raw.size, "info" if is_up else "warn", "up" if is_up else "down")


def _low_qualification(scene: Scene, subject: Subject) -> Fired | None:
    row, low = scene.row("number_of_leads", subject), scene.rules.qualification_low
    share = row["qualification_ratio"]
    if row["leads"] < scene.rules.minimum_records or share is None or share >= low:
        return None
    return Fired(share, low, "warn")


def _team_slow(scene: Scene, subject: Subject) -> Fired | None:
    median, sla = scene.response_median(subject), scene.rules.sla_minutes
    reps = scene.judged_reps(subject)
    if median is None or median <= sla or 2 * sum(rep > sla for rep in reps) < len(reps):
        return None
    return Fired(median, sla, _by_norm(scene.norm("lead_response_time", subject)))


def _slower_than_team(scene: Scene, subject: Subject) -> Fired | None:
    """Where the team as a whole is slow it is no rep's doing, whoever is told so."""
    team = subject._replace(member=Member("team", subject.member.team_id, None))
    median, sla = scene.response_median(subject), scene.rules.sla_minutes
    of_team = scene.row("lead_response_time", team)["median_business_response_minutes"]
    if median is None or of_team is None:
        return None
    if _team_slow(scene, team) is not None:
        return None
    if median <= max(of_team, sla) or median < scene.rules.slower_factor * min(of_team, sla):
        return None
    return Fired(median, of_team, "warn")


def _too_few_follow_ups(scene: Scene, subject: Subject) -> Fired | None:
    norm = scene.norm("number_of_follow_ups", subject)
    if norm not in ("watch", "bad") or scene.given_up(subject) < scene.rules.minimum_records:
        return None
    abandoned = scene.row("number_of_follow_ups", subject)["abandoned_ratio"]
    return Fired(abandoned, scene.rules.abandoned_acceptable, _by_norm(norm))


def _conversion_below_target(scene: Scene, subject: Subject) -> Fired | None:
    row = scene.row("conversion_ratio", subject)
    if conversion_status(row) != "bad":
        return None
    return Fired(row["conversion_ratio"], row["target_ratio"], "warn")


def _source_outperforms(scene: Scene, subject: Subject) -> Fired | None:
    row = scene.row("conversion_ratio", subject)
    of_all = scene.row("conversion_ratio", Subject(subject.month, subject.when, COMPANY))["conversion_ratio"]
    if row["conversion_ratio_low"] is None or of_all is None or row["conversion_ratio_low"] <= of_all:
        return None
    return Fired(row["conversion_ratio"], of_all, "info")


def _target_behind(scene: Scene, subject: Subject) -> Fired | None:
    row = scene.row("target_attainment", subject)
    if scene.norm("target_attainment", subject) != "bad":
        return None
    if row["elapsed_ratio"] is None or row["elapsed_ratio"] < scene.rules.elapsed_from:
        return None
    if subject.when == "complete":
        return Fired(row["closed_amount"], row["target_amount"], "warn")
    return Fired(row["closed_amount"], row["expected_amount"], "alert")


def _gap_not_covered(scene: Scene, subject: Subject) -> Fired | None:
    row = scene.row("target_attainment", subject)
    if scene.norm("open_pipeline", subject) != "bad":
        return None
    return Fired(row["pipeline_amount"], row["gap_amount"], "alert")


def _stale_pipeline(scene: Scene, subject: Subject) -> Fired | None:
    row = scene.row("open_pipeline", subject)
    stale, of_all = row["stale_opportunities"], row["open_opportunities"]
    share = ratio(stale, of_all)
    if of_all < scene.rules.minimum_records or share is None or share < scene.rules.stale_ratio:
        return None
    return Fired(stale, of_all, "warn")


def _by_norm(norm: str | None) -> str:
    return "alert" if norm == "bad" else "warn"


@dataclass(frozen=True)
class Rule:
    """`levels`: of the members that it looks at. `by_source`: it looks at sources as well."""

    signal: str
    kpi: str
    fires: Callable[[Scene, Subject], Fired | None]
    months: tuple[str, ...]
    levels: tuple[str, ...] = EVERYBODY
    by_source: bool = False
    told_once: bool = True


_NOW, _BOTH, _COMPLETE, _RIPENED = ("running",), ("running", "complete"), ("complete",), ("ripened",)
RULES = (
    Rule("leads_below_capacity", "number_of_leads", _below_capacity, _NOW),
    Rule("leads_above_capacity", "number_of_leads", _above_capacity, _NOW),
    Rule("leads_seasonal_swing", "number_of_leads", _seasonal_swing, _COMPLETE, GROUPS),
    Rule("leads_real_trend", "number_of_leads", _real_trend, _COMPLETE, GROUPS),
    Rule("low_qualification", "number_of_leads", _low_qualification, _COMPLETE, by_source=True),
    Rule("team_slow", "lead_response_time", _team_slow, _BOTH, GROUPS),
    Rule("rep_slower_than_team", "lead_response_time", _slower_than_team, _BOTH, ("rep",)),
    Rule("too_few_follow_ups", "number_of_follow_ups", _too_few_follow_ups, _BOTH),
    Rule("conversion_below_target", "conversion_ratio", _conversion_below_target, _RIPENED, by_source=True),
    Rule("source_outperforms", "conversion_ratio", _source_outperforms, _RIPENED, (), by_source=True),
    Rule("target_behind", "target_attainment", _target_behind, _BOTH, told_once=False),
    Rule("pipeline_does_not_cover_gap", "open_pipeline", _gap_not_covered, _NOW),
    Rule("stale_pipeline", "open_pipeline", _stale_pipeline, _NOW),
)


def signals(company: Company, tables: Tables, scorecard: list[Row]) -> list[Row]:
    scene = Scene(company, tables, scorecard)
    months = dict(scene.months())
    return [
        _row(rule, subject, fired)
        for rule in RULES
        for when in rule.months
        if when in months
        for subject, fired in _told(rule, _fired(scene, rule, months[when], when))
    ]


def _fired(scene: Scene, rule: Rule, month: Period, when: str) -> dict[Subject, Fired]:
    subjects = [Subject(month, when, member) for member in scene.members if member.level in rule.levels]
    if rule.by_source:
        subjects += scene.sources(rule.kpi, month, when)
    looked = ((subject, rule.fires(scene, subject)) for subject in subjects)
    return {subject: fired for subject, fired in looked if fired is not None}


def _told(rule: Rule, fired: dict[Subject, Fired]) -> Iterator[tuple[Subject, Fired]]:
    """What is everybody's is not said to each."""
    for subject, finding in fired.items():
        above = [COMPANY] if subject.member.level != "company" else []
        if subject.member.level == "rep":
            above.append(Member("team", subject.member.team_id, None))
        same = [fired.get(subject._replace(member=member)) for member in above]
        is_said = any(other is not None and other.direction == finding.direction for other in same)
        if not (rule.told_once and is_said):
            yield subject, finding


def _row(rule: Rule, subject: Subject, fired: Fired) -> Row:
    """A rep has no alert: what would be one is a warning."""
    is_mild = subject.member.level == "rep" and fired.severity == "alert"
    return {
        "signal": rule.signal,
        "kpi": rule.kpi,
        "period_start": subject.month.start,
        "level": subject.member.level,
        "team_id": subject.member.team_id,
        "rep_id": subject.member.rep_id,
        "breakdown": subject.breakdown,
        "breakdown_value": subject.value,
        "value": fired.value,
        "reference_value": fired.reference,
        "severity": "warn" if is_mild else fired.severity,
    }
