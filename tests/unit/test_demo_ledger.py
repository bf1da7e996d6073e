"""The made-up company holds together, and looks like a company. Nothing about files here."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from itertools import pairwise

import pytest

from demo import truth, worktime
from demo.company import INTEGRATION_USER, STAGES
from demo.ledger import Ledger
from demo.simulate import simulate
from orchestration.errors import SettingsError

UNTIL = date(2026, 6, 30)


@cache
def company(seed: int) -> Ledger:
    return simulate(until=UNTIL, seed=seed)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return company(7)


@pytest.fixture(scope="module")
def view(ledger: Ledger) -> truth.View:
    return _at_the_end(ledger)


def test_nothing_happens_outside_the_ledgers_days(ledger: Ledger) -> None:
    opening, end = worktime.at_local(date(2023, 7, 1), 0), ledger.end
    records = [*ledger.leads, *ledger.opportunities]
    assert min(record.created_at for record in records) >= opening
    assert max(state.changed_at for record in records for state in record.states) <= end
    assert all(opening <= activity.occurred_at <= end for activity in ledger.activities)
    assert all(activity.deleted_at is None or activity.deleted_at <= end for activity in ledger.activities)
    assert worktime.local_date(max(activity.occurred_at for activity in ledger.activities)) == UNTIL


def test_states_follow_each_other_and_begin_with_the_creation(ledger: Ledger) -> None:
    for record in [*ledger.leads, *ledger.opportunities]:
        assert record.states[0].changed_at == record.created_at
        assert all(before.changed_at < after.changed_at for before, after in pairwise(record.states))


def test_a_deal_is_closed_exactly_in_a_closed_stage_and_keeps_that_until_it_is_reopened(
    ledger: Ledger,
) -> None:
    reopened = 0
    for deal in ledger.opportunities:
        for before, after in pairwise([deal.states[0], *deal.states]):
            assert after.is_won is STAGES[after.stage].is_won
            assert (after.closed_on is not None) == (after.is_won is not None)
            if after.closed_on is not None:
                assert deal.created_at.date() <= after.closed_on <= worktime.local_date(after.changed_at)
            if before.closed_on is not None and after.closed_on is None:
                assert before.is_won is False
                assert after.stage == "Negotiation"
                reopened += 1
    assert reopened > 10


def test_a_won_deal_passed_through_the_stages_in_their_order(ledger: Ledger) -> None:
    order = list(STAGES)
    whole = 0
    for deal in ledger.opportunities:
        stages = [state.stage for state in deal.states]
        is_reopened = any(a.closed_on and not b.closed_on for a, b in pairwise(deal.states))
        if not is_reopened:
            positions = [order.index(stage) for stage in stages]
            assert positions == sorted(positions)
        whole += deal.now.is_won is True and set(order[:5]) <= set(stages)
    assert whole > 400


def test_references_lead_somewhere(ledger: Ledger) -> None:
    leads = {lead.lead_id for lead in ledger.leads}
    deals = {deal.opportunity_id for deal in ledger.opportunities}
    accounts = {account.account_id for account in ledger.accounts}
    contacts = [lead.now.contact_id for lead in ledger.leads if lead.now.contact_id]
    assert len(leads) == len(ledger.leads)
    assert len(contacts) == len(set(contacts))
    assert {lead.account_id for lead in ledger.leads} <= accounts | {None}
    assert {deal.account_id for deal in ledger.opportunities} <= accounts | {None}
    assert {deal.lead_id for deal in ledger.opportunities} <= leads | {None}
    assert {activity.lead_id for activity in ledger.activities} <= leads | {None}
    assert {activity.opportunity_id for activity in ledger.activities} <= deals | {None}
    assert {activity.contact_id for activity in ledger.activities} <= {*contacts, None}
    assert {lead.now.duplicate_of for lead in ledger.leads} <= leads | {None}
    assert len({account.name for account in ledger.accounts}) == len(ledger.accounts)


def test_merges_end_at_a_lead_and_some_are_chains(ledger: Ledger) -> None:
    into = {lead.lead_id: lead.now.duplicate_of for lead in ledger.leads if lead.now.duplicate_of}
    chains = 0
    for lead_id, target in into.items():
        seen = {lead_id}
        while target is not None:
            assert target not in seen
            seen.add(target)
            target = into.get(target)
        chains += len(seen) > 2
    assert len(into) > 100
    assert chains > 5


def test_a_hand_over_after_the_win_moves_no_sale(ledger: Ledger, view: truth.View) -> None:
    moved = 0
    by_rep: dict[str, int] = {}
    for deal in ledger.opportunities:
        closing = next((state for state in deal.states if state.is_won), None)
        if closing is not None and not deal.now.is_deleted:
            moved += closing.owner_id != deal.now.owner_id
            rep_id = truth.team_and_rep(ledger, closing.owner_id)[1]
            by_rep[rep_id] = by_rep.get(rep_id, 0) + 1
    assert moved > 10
    found: dict[str, int] = {}
    for cell, sales in truth.closed_sales(ledger, view).items():
        if cell.level == "rep" and cell.period_type == "year" and sales.won_opportunities:
            found[cell.rep_id or ""] = found.get(cell.rep_id or "", 0) + sales.won_opportunities
    assert found == by_rep


def test_every_currency_has_a_rate_on_every_day(ledger: Ledger) -> None:
    for currency in ("USD", "GBP", "CHF"):
        starts = [rate.valid_from for rate in ledger.rates if rate.currency == currency]
        assert starts[0] < ledger.start
        assert starts[-1] == UNTIL.replace(day=1)
        assert all((after - before).days <= 31 for before, after in pairwise(starts))
    share = sum(deal.currency == "EUR" for deal in ledger.opportunities) / len(ledger.opportunities)
    assert 0.72 < share < 0.88


# ---- it looks like a company ----


def test_it_has_the_size_it_says(ledger: Ledger) -> None:
    assert len(ledger.teams) == 4
    assert 15 <= len(ledger.reps) <= 18
    assert 6_000 < len(ledger.leads) < 8_000
    assert 1_500 < len(ledger.opportunities) < 2_500
    assert 35_000 < len(ledger.activities) < 50_000


@pytest.mark.parametrize("seed", [7, 1])
def test_season_and_growth_are_seen(seed: int) -> None:
    shown = company(seed)
    leads = _by_month(truth.leads_created(shown, _at_the_end(shown)))
    for year in (2023, 2024, 2025):
        assert leads[date(year, 8, 1)] * 1.6 < leads[date(year, 10, 1)]
        assert leads[date(year, 12, 1)] < leads[date(year, 11, 1)]
    for year in (2024, 2025, 2026):
        assert leads[date(year, 3, 1)] > leads[date(year, 1, 1)]
    first = sum(count for month, count in leads.items() if month < date(2024, 7, 1))
    last = sum(count for month, count in leads.items() if month >= date(2025, 7, 1))
    assert 1.03 < last / first < 1.35


@pytest.mark.parametrize("seed", [7, 1])
def test_wins_and_attainment_are_those_of_a_company(seed: int) -> None:
    shown = company(seed)
    sales = truth.closed_sales(shown, _at_the_end(shown))
    won = sum(cell_sales.won_opportunities for cell, cell_sales in sales.items() if _is_company_year(cell))
    assert 0.2 < won / len(shown.opportunities) < 0.3
    targets: dict[tuple[str | None, int], Decimal] = {}
    for target in shown.targets:
        if target.rep_id is not None and target.period_start <= UNTIL:
            for rep_id in (target.rep_id, None):
                key = (rep_id, target.period_start.year)
                targets[key] = targets.get(key, Decimal(0)) + target.amount
    ratios = []
    for (rep_id, year), target_amount in targets.items():
        level = "company" if rep_id is None else "rep"
        closed = sum(
            cell_sales.closed_amount
            for cell, cell_sales in sales.items()
            if (cell.period_type, cell.period_start, cell.level) == ("year", date(year, 1, 1), level)
            and cell.rep_id == rep_id
        )
        if rep_id is None:
            assert 0.9 < closed / target_amount < 1.03
        else:
            ratios.append(closed / target_amount)
    usual = [ratio for ratio in ratios if Decimal("0.55") < ratio < Decimal("1.3")]
    assert len(usual) > 0.7 * len(ratios)


def test_targets_reach_to_the_end_of_the_running_year(ledger: Ledger) -> None:
    months = {target.period_start for target in ledger.targets if target.rep_id}
    assert (min(months), max(months)) == (date(2023, 7, 1), date(2026, 12, 1))
    company = [target for target in ledger.targets if target.rep_id is None and target.team_id is None]
    assert [target.period_start for target in company] == [date(year, 1, 1) for year in range(2023, 2027)]
    team = ledger.teams[0].team_id
    own = [target for target in ledger.targets if target.team_id == team]
    members = {rep.rep_id for rep in ledger.reps if rep.team_id == team}
    assert own
    for target in own:
        theirs = [
            t.amount for t in ledger.targets if t.rep_id in members and t.period_start == target.period_start
        ]
        assert target.amount != sum(theirs)


def test_newcomers_ramp_up_and_the_newest_has_nothing_yet(ledger: Ledger) -> None:
    joiners = [rep for rep in ledger.reps if ledger.start < rep.hired_on < UNTIL - timedelta(days=300)]
    assert len(joiners) == 3
    early = late = 0
    for rep in joiners:
        own = [lead for lead in ledger.leads if lead.states[0].owner_id == rep.rep_id]
        days = [(worktime.local_date(lead.created_at) - rep.hired_on).days for lead in own]
        assert min(days) >= 0
        early += sum(day < 60 for day in days)
        late += sum(180 <= day < 240 for day in days)
    assert early < late
    newest = max(ledger.reps, key=lambda rep: rep.hired_on)
    assert all(state.owner_id != newest.rep_id for lead in ledger.leads for state in lead.states)
    assert all(activity.owner_id != newest.rep_id for activity in ledger.activities)


def test_work_of_those_who_left_is_handed_over_or_stays(ledger: Ledger, view: truth.View) -> None:
    gone = [rep for rep in ledger.reps if rep.left_on is not None]
    assert {rep.work_is_reassigned for rep in gone} == {True, False}
    for rep in gone:
        assert rep.left_on is not None
        last_day = rep.left_on
        meetings = [
            activity
            for activity in ledger.activities
            if (activity.owner_id, activity.activity_type) == (rep.rep_id, "meeting")
        ]
        assert meetings
        assert max(worktime.local_date(meeting.occurred_at) for meeting in meetings) <= last_day
        still_open = [
            deal
            for deal in ledger.opportunities
            if deal.now.closed_on is None and deal.now.owner_id == rep.rep_id
        ]
        assert bool([deal for deal in still_open if not deal.now.is_deleted]) != rep.work_is_reassigned


def test_one_rep_is_slow_and_one_fast(ledger: Ledger, view: truth.View) -> None:
    minutes: dict[str, list[float]] = {}
    for contact in truth.lead_contacts(ledger, view).values():
        if contact.response_minutes is not None:
            minutes.setdefault(contact.rep_id, []).append(contact.response_minutes)
    medians = {rep_id: sorted(own)[len(own) // 2] for rep_id, own in minutes.items() if len(own) > 100}
    in_order = sorted(medians, key=lambda rep_id: medians[rep_id])
    assert (in_order[0], in_order[-1]) == ("R001", "R002")
    assert medians["R002"] > 2 * medians[in_order[-2]]


def test_people_work_in_office_hours_and_the_website_never_sleeps(ledger: Ledger) -> None:
    by_people = [a for a in ledger.activities if a.activity_type == "call" and a.direction == "outbound"]
    assert all(worktime.is_working_day(worktime.local_date(call.occurred_at)) for call in by_people)
    hours = [call.occurred_at.astimezone(worktime.zone()).hour for call in by_people]
    assert (min(hours), max(hours)) == (8, 17)
    weekend = [lead for lead in ledger.leads if worktime.local_date(lead.created_at).weekday() > 4]
    assert 200 < len(weekend) < 1_000
    nights = [day for day in worktime.days_from(ledger.start, UNTIL) if worktime.clock_changes(day)]
    assert len(nights) == 6
    for night in nights:
        until_four = worktime.at_local(night, 4 * 3600)
        assert any(worktime.at_local(night, 0) <= lead.created_at < until_four for lead in ledger.leads)


def test_sources_differ(ledger: Ledger) -> None:
    def conversion(source: str) -> float:
        leads = [lead for lead in ledger.leads if lead.source == source]
        return sum(lead.now.converted_at is not None for lead in leads) / len(leads)

    assert conversion("referral") > 1.5 * conversion("website") > 2 * conversion("outbound list")
    fair_months = {
        worktime.local_date(lead.created_at).month for lead in ledger.leads if lead.source == "trade fair"
    }
    assert fair_months <= {3, 6, 10}
    unowned = [
        lead for lead in ledger.leads if truth.team_and_rep(ledger, lead.now.owner_id)[1] == "unassigned"
    ]
    assert 50 < len(unowned) < 400
    assert any(lead.now.owner_id == INTEGRATION_USER for lead in ledger.leads)


# ---- other sizes ----


def test_size_grows_with_the_scale() -> None:
    large = simulate(until=UNTIL, scale=1.0, years=1)
    small = simulate(until=UNTIL, scale=0.5, years=1)
    assert 1.7 < len(large.leads) / len(small.leads) < 2.3
    assert (len(large.reps) - 2, len(small.reps) - 2) == (15, 8)
    assert large.start == small.start == date(2025, 7, 1)


@pytest.mark.parametrize("scale", [0.01, 0.05, 0.2])
def test_a_small_company_still_makes_sense(scale: float) -> None:
    small = simulate(until=date(2024, 2, 29), scale=scale)
    assert small.start == date(2021, 3, 1)
    assert len(small.teams) == 1
    assert len([rep for rep in small.reps if rep.team_id]) >= 3
    assert small.leads
    assert any(deal.now.is_won for deal in small.opportunities)
    assert small.targets


@pytest.mark.parametrize(("scale", "years"), [(0.0, 3), (-1.0, 3), (float("nan"), 3), (1.0, 0)])
def test_a_senseless_size_is_refused(scale: float, years: int) -> None:
    with pytest.raises(SettingsError, match="demo company"):
        simulate(until=UNTIL, scale=scale, years=years)


def _by_month(counts: dict[truth.Cell, int]) -> dict[date, int]:
    return {
        cell.period_start: count
        for cell, count in counts.items()
        if (cell.period_type, cell.level) == ("month", "company")
    }


def _at_the_end(ledger: Ledger) -> truth.View:
    """The last day is over: what was closed on it counts."""
    return truth.View(as_of=worktime.end_of_day(ledger.until))


def _is_company_year(cell: truth.Cell) -> bool:
    return (cell.period_type, cell.level) == ("year", "company")
