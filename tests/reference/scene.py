"""What the rules of signals look at: members and sources, in a month.

Belongs here: whom there is something to say to, of which months, and how to find their numbers. Does not
belong here: a rule (`signals.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tests.reference.cells import Row, is_complete
from tests.reference.company import Company
from tests.reference.members import COMPANY, UNASSIGNED, UNKNOWN, Member
from tests.reference.periods import Period
from tests.reference.scorecard import Tables, place_of


class Subject(NamedTuple):
    """Whom a rule looks at: a member, or a source of the company; in a month that is running, complete or
    ripened."""

    month: Period
    when: str
    member: Member
    breakdown: str = "total"
    value: str = "total"


class Scene:
    """The rows of months, and how the reps of a member do."""

    def __init__(self, company: Company, tables: Tables, scorecard: list[Row]) -> None:
        self.company, self.rules = company, company.rules
        self._rows = {
            (table, *place_of(row), row["breakdown"], row["breakdown_value"]): row
            for table, rows in tables.items()
            for row in rows
            if row["period_type"] == "month"
        }
        self._norms = {
            (row["kpi"], row["period_start"], Member(row["level"], row["team_id"], row["rep_id"])): row[
                "status"
            ]
            for row in scorecard
            if row["period_type"] == "month"
        }
        reps = company.members.reps
        self.members = [
            member
            for member in company.members.all
            if member.team_id != UNASSIGNED or member.level == "rep"
            if member.level != "rep" or (member.rep_id in reps and reps[member.rep_id].is_active)
        ]

    def row(self, kpi: str, subject: Subject) -> Row:
        key = (f"kpi_{kpi}", subject.month, subject.member, subject.breakdown, subject.value)
        return self._rows[key]

    def norm(self, kpi: str, subject: Subject) -> str | None:
        return self._norms[kpi, subject.month.start, subject.member]

    def before(self, kpi: str, subject: Subject) -> Row | None:
        month = self.company.calendar.before(subject.month)
        return None if month is None else self.row(kpi, subject._replace(month=month))

    def months(self) -> Iterator[tuple[str, Period]]:
        months = self.company.calendar.by_type["month"]
        yield "running", months[-1]
        complete = [month for month in months if is_complete(self.company, month)]
        if complete:
            yield "complete", complete[-1]
        mature = [
            month
            for month in months
            if self.row("conversion_ratio", Subject(month, "ripened", COMPANY))["is_mature"]
        ]
        if mature:
            yield "ripened", mature[-1]

    def sources(self, kpi: str, month: Period, when: str) -> list[Subject]:
        return [
            Subject(month, when, COMPANY, breakdown, value)
            for table, of_month, member, breakdown, value in self._rows
            if table == f"kpi_{kpi}" and of_month == month and member == COMPANY
            if breakdown == "source" and value != UNKNOWN
        ]

    def given_up(self, subject: Subject) -> int:
        """Leads of the member that were lost or disqualified in the month."""
        return sum(
            lead.end is not None
            and lead.end.on is not None
            and lead.end.reason != "won"
            and subject.month.start <= lead.end.on <= subject.month.end
            and subject.member in self.company.members.counting(lead.rep_id)
            for lead in self.company.leads
        )

    def response_median(self, subject: Subject) -> float | None:
        """None also where too few leads were answered to judge by it."""
        row = self.row("lead_response_time", subject)
        median: float | None = row["median_business_response_minutes"]
        return median if row["responded_leads"] >= self.rules.minimum_records else None

    def judged_reps(self, subject: Subject) -> list[float]:
        medians = [
            self.response_median(subject._replace(member=rep))
            for rep in self.members
            if rep.level == "rep" and (subject.member == COMPANY or subject.member.team_id == rep.team_id)
        ]
        return [median for median in medians if median is not None]
