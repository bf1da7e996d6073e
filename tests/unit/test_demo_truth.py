"""The demo's truth is right: small ledgers by hand with answers by hand, then sums over the whole company."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from demo import truth, worktime
from demo.ledger import (
    Activity,
    Lead,
    LeadState,
    Ledger,
    Opportunity,
    OpportunityState,
    ProductLine,
    Rate,
    Rep,
    Team,
)
from demo.simulate import simulate

AS_OF = datetime(2025, 12, 31, 22, 59, 59, tzinfo=UTC)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _ledger() -> Ledger:
    reps = [
        Rep("R1", "Anna", "T1", date(2020, 1, 1)),
        Rep("R2", "Bram", "T2", date(2020, 1, 1)),
        Rep("API", "Website", None, date(2020, 1, 1)),
    ]
    teams = [Team("T1", "One", "North"), Team("T2", "Two", "South")]
    rates = [
        Rate("USD", date(2024, 12, 1), Decimal("0.9000")),
        Rate("USD", date(2025, 1, 10), Decimal("0.8125")),
    ]
    return Ledger(1, 1.0, 1, date(2025, 1, 1), date(2025, 12, 31), AS_OF, teams, reps, [], rates=rates)


def _lead(lead_id: str, created: str, owner_id: str | None = "R1", source: str = "website") -> Lead:
    at = _at(created)
    return Lead(
        created_at=at,
        states=[LeadState(at, owner_id)],
        lead_id=lead_id,
        source=source,
        campaign=None,
        industry=None,
        account_id=None,
    )


def _deal(created: str, amount: str | None, currency: str = "EUR", stage: str = "Proposal") -> Opportunity:
    at = _at(created)
    state = OpportunityState(at, "R1", stage, Decimal(amount) if amount else None, None, date(2025, 12, 1))
    return Opportunity(
        created_at=at,
        states=[state],
        opportunity_id=f"O-{created}",
        lead_id=None,
        account_id=None,
        source=None,
        currency=currency,
        lines=(ProductLine("P1", 1, Decimal(1)),),
    )


def _close(deal: Opportunity, at: str, *, is_won: bool, closed_on: date | None = None) -> None:
    deal.change(
        _at(at),
        stage="Closed Won" if is_won else "Closed Lost",
        closed_on=closed_on or worktime.local_date(_at(at)),
        is_won=is_won,
    )


def _month(
    month: date, level: str = "company", team: str | None = None, rep: str | None = None
) -> truth.Cell:
    return truth.Cell("month", month, level, team, rep)


VIEW = truth.View(AS_OF)


def test_a_lead_late_on_the_last_of_march_in_utc_is_an_april_lead_in_amsterdam() -> None:
    ledger = _ledger()
    ledger.leads = [_lead("L1", "2025-03-31T22:30:00")]
    found = truth.leads_created(ledger, VIEW)
    assert found[_month(date(2025, 4, 1))] == 1
    assert _month(date(2025, 3, 1)) not in found
    assert truth.leads_created(ledger, truth.View(AS_OF, "UTC"))[_month(date(2025, 3, 1))] == 1


def test_merged_leads_are_one_and_deleted_ones_none() -> None:
    ledger = _ledger()
    leads = [_lead(f"L{number}", f"2025-03-0{number}T10:00:00") for number in range(1, 6)]
    leads[0].change(_at("2025-03-08T10:00:00"), duplicate_of="L2")
    leads[1].change(_at("2025-03-09T10:00:00"), duplicate_of="L3")
    leads[3].change(_at("2025-03-09T10:00:00"), is_deleted=True)
    ledger.leads = leads
    assert truth.leads_created(ledger, VIEW)[_month(date(2025, 3, 1))] == 2
    before = truth.View(_at("2025-03-08T22:59:59"))
    assert truth.leads_created(ledger, before)[_month(date(2025, 3, 1))] == 4
    assert truth.leads_created(ledger, truth.View(_at("2025-03-02T12:00:00")))[_month(date(2025, 3, 1))] == 2


@pytest.mark.parametrize(
    ("owner_id", "team_id", "rep_id"),
    [
        ("R2", "T2", "R2"),
        ("API", "unassigned", "API"),
        (None, "unassigned", "unassigned"),
        ("Q-NORTH", "unassigned", "unassigned"),
        ("R999999", "unassigned", "unassigned"),
    ],
)
def test_a_lead_belongs_to_its_owner_at_the_instant(owner_id: str | None, team_id: str, rep_id: str) -> None:
    ledger = _ledger()
    lead = _lead("L1", "2025-03-05T10:00:00", "R1")
    lead.change(_at("2025-06-01T10:00:00"), owner_id=owner_id)
    ledger.leads = [lead]
    month = date(2025, 3, 1)
    assert truth.leads_created(ledger, VIEW)[_month(month, "rep", team_id, rep_id)] == 1
    assert truth.leads_created(ledger, VIEW)[_month(month, "team", team_id)] == 1
    assert (
        truth.leads_created(ledger, truth.View(_at("2025-05-01T00:00:00")))[_month(month, "rep", "T1", "R1")]
        == 1
    )


def test_a_sale_is_converted_at_the_rate_of_its_close_and_stays_with_who_closed_it() -> None:
    ledger = _ledger()
    deal = _deal("2025-01-02T10:00:00", "100.05", "USD")
    _close(deal, "2025-01-09T10:00:00", is_won=True)
    deal.change(_at("2025-01-20T10:00:00"), owner_id="R2")
    other = _deal("2025-01-02T11:00:00", "100.04", "USD")
    _close(other, "2025-01-13T10:00:00", is_won=True, closed_on=date(2025, 1, 10))
    ledger.opportunities = [deal, other]
    sales = truth.closed_sales(ledger, VIEW)[_month(date(2025, 1, 1), "rep", "T1", "R1")]
    assert sales == truth.ClosedSales(2, Decimal("90.05") + Decimal("81.28"), 0)  # 90.045 and 81.2825


def test_a_deal_is_closed_from_the_end_of_its_day() -> None:
    ledger = _ledger()
    deal = _deal("2025-03-03T10:00:00", "500.00")
    _close(deal, "2025-03-31T13:00:00", is_won=True)
    ledger.opportunities = [deal]
    assert truth.closed_sales(ledger, truth.View(_at("2025-03-31T21:59:58"))) == {}
    at_the_end = truth.View(_at("2025-03-31T21:59:59"))
    assert truth.closed_sales(ledger, at_the_end)[_month(date(2025, 3, 1))].won_opportunities == 1
    assert _month(date(2025, 3, 1)) not in truth.open_pipeline(ledger, at_the_end)


def test_the_pipeline_of_the_past_has_the_stage_and_amount_of_then() -> None:
    ledger = _ledger()
    deal = _deal("2025-01-15T10:00:00", "100.00", "USD", stage="Qualification")
    deal.change(_at("2025-02-10T10:00:00"), stage="Proposal")
    deal.change(_at("2025-04-01T10:00:00"), amount=Decimal("150.00"))
    _close(deal, "2025-05-05T10:00:00", is_won=False)
    deal.change(_at("2025-06-10T10:00:00"), stage="Negotiation", closed_on=None, is_won=None)
    _close(deal, "2025-07-08T10:00:00", is_won=True)
    without = _deal("2025-03-30T10:00:00", None)
    ledger.opportunities = [deal, without]
    pipeline = truth.open_pipeline(ledger, truth.View(_at("2025-08-15T10:00:00")))
    company = {
        cell.period_start.month: value
        for cell, value in pipeline.items()
        if cell == _month(cell.period_start)
    }
    assert {month: value.open_amount for month, value in company.items()} == {
        2: Decimal("81.25"),
        3: Decimal("81.25"),
        4: Decimal("121.88"),  # 121.875
        5: Decimal(0),  # lost at the time: only the deal without an amount is open
        6: Decimal("121.88"),
        7: Decimal(0),
        8: Decimal(0),
    }
    assert [company[month].open_opportunities for month in (2, 3, 4, 5, 6, 7, 8)] == [1, 2, 2, 1, 2, 1, 1]


def test_fiscal_quarters_and_years_begin_where_the_setting_says() -> None:
    view = truth.View(AS_OF, fiscal_year_start_month=4)
    assert view.period_start("year", date(2025, 3, 31)) == date(2024, 4, 1)
    assert view.period_start("year", date(2025, 4, 1)) == date(2025, 4, 1)
    assert view.period_start("quarter", date(2025, 1, 15)) == date(2025, 1, 1)
    november = truth.View(AS_OF, fiscal_year_start_month=11)
    assert november.period_start("quarter", date(2025, 1, 15)) == date(2024, 11, 1)
    assert november.next_start("quarter", date(2024, 11, 1)) == date(2025, 2, 1)
    assert view.period_start("week", date(2025, 1, 1)) == date(2024, 12, 30)


def _activity(at: str, lead_id: str | None = "L1", kind: str = "call", **fields: object) -> Activity:
    return Activity(at, kind, _at(at), "R1", lead_id=lead_id, **fields)  # type: ignore[arg-type]


def test_the_first_response_is_the_first_contact_moment_by_a_person() -> None:
    ledger = _ledger()
    lead = _lead("L1", "2025-03-28T11:00:00")
    duplicate = _lead("L2", "2025-03-28T12:00:00")
    duplicate.change(_at("2025-04-02T10:00:00"), duplicate_of="L1")
    lead.change(_at("2025-04-03T10:00:00"), status="converted", contact_id="C1")
    listed = _lead("L3", "2025-03-28T11:00:00", source="outbound list")
    deal = _deal("2025-04-03T10:00:00", "1.00")
    deal.lead_id = "L1"
    ledger.leads, ledger.opportunities = [lead, duplicate, listed], [deal]
    ledger.activities = [
        _activity("2025-03-28T10:00:00"),  # before the lead was there
        _activity("2025-03-28T11:01:00", kind="email", is_automated=True),
        _activity("2025-03-28T11:02:00", direction="inbound"),
        _activity("2025-03-28T11:03:00", kind="note"),
        _activity("2025-03-28T11:04:00", is_completed=False),
        _activity("2025-03-28T11:05:00", deleted_at=_at("2025-03-29T10:00:00")),
        _activity("2025-03-28T14:00:00", "L2"),  # of the duplicate: counts for the survivor
        _activity("2025-04-01T10:00:00", kind="meeting", direction="inbound"),
        _activity("2025-04-04T10:00:00", None, opportunity_id=deal.opportunity_id),
        _activity("2025-04-05T10:00:00", None, contact_id="C1"),
        _activity("2025-04-06T10:00:00", None),  # tied to nothing
        _activity("2026-01-06T10:00:00"),  # after the instant
        _activity("2025-03-29T11:00:00", "L3"),
    ]
    found = truth.lead_contacts(ledger, VIEW)
    assert set(found) == {"L1", "L3"}
    assert found["L1"].response_minutes == 180
    assert [moment.day for moment in found["L1"].moments] == [28, 1, 4, 5]
    assert found["L3"].first_response_at == _at("2025-03-29T11:00:00")
    assert found["L3"].response_minutes is None


def test_a_lead_ends_with_the_first_win_or_with_the_last_loss() -> None:
    ledger = _ledger()
    lead, hopeless, dropped = (_lead(f"L{number}", "2025-03-03T10:00:00") for number in (1, 2, 3))
    dropped.change(
        _at("2025-03-10T09:00:00"), status="disqualified", disqualified_at=_at("2025-03-10T09:00:00")
    )
    deals = [_deal(f"2025-03-0{number}T12:00:00", "1.00") for number in (4, 5, 6, 7)]
    for deal, lead_id in zip(deals, ("L1", "L1", "L2", "L2"), strict=True):
        deal.lead_id = lead_id
    _close(deals[0], "2025-04-01T10:00:00", is_won=False)
    _close(deals[1], "2025-04-10T10:00:00", is_won=True)
    _close(deals[2], "2025-04-20T10:00:00", is_won=False)
    _close(deals[3], "2025-04-15T10:00:00", is_won=False)
    ledger.leads, ledger.opportunities = [lead, hopeless, dropped], deals
    ledger.activities = [
        _activity(f"2025-{at}:00:00", lead_id)
        for lead_id in ("L1", "L2", "L3")
        for at in ("03-04T10", "03-10T10", "04-02T10", "04-10T16", "04-11T10", "04-20T16", "04-21T10")
    ]
    found = truth.lead_contacts(ledger, VIEW)
    assert [len(found[lead_id].moments) for lead_id in ("L1", "L2", "L3")] == [7, 7, 7]
    assert [len(found[lead_id].moments_until_end) for lead_id in ("L1", "L2", "L3")] == [4, 6, 1]
    earlier = truth.lead_contacts(ledger, truth.View(_at("2025-04-18T10:00:00")))
    assert earlier["L2"].ended_at == _at("2025-04-18T10:00:00")


# ---- the whole company ----


@pytest.fixture(scope="module")
def company() -> tuple[Ledger, truth.View]:
    ledger = simulate(until=date(2026, 6, 30), scale=0.3)
    return ledger, truth.View(worktime.end_of_day(ledger.until))


def test_reps_add_up_to_teams_and_teams_to_the_company(company: tuple[Ledger, truth.View]) -> None:
    leads = truth.leads_created(*company)
    sales = {cell: value.closed_amount for cell, value in truth.closed_sales(*company).items()}
    pipeline = {cell: value.open_amount for cell, value in truth.open_pipeline(*company).items()}
    for values in (leads, sales, pipeline):
        sums: dict[truth.Cell, int | Decimal] = {}
        for cell, value in values.items():
            if cell.level == "rep":
                for upper in (
                    cell._replace(level="team", rep_id=None),
                    cell._replace(level="company", team_id=None, rep_id=None),
                ):
                    sums[upper] = sums.get(upper, 0) + value
        assert sums == {cell: value for cell, value in values.items() if cell.level != "rep"}


def test_months_add_up_to_quarters_and_years(company: tuple[Ledger, truth.View]) -> None:
    view = company[1]
    leads = truth.leads_created(*company)
    sales = {cell: value.closed_amount for cell, value in truth.closed_sales(*company).items()}
    for values in (leads, sales):
        for longer in ("quarter", "year"):
            sums: dict[truth.Cell, int | Decimal] = {}
            for cell, value in values.items():
                if cell.period_type == "month":
                    start = view.period_start(longer, cell.period_start)
                    upper = cell._replace(period_type=longer, period_start=start)
                    sums[upper] = sums.get(upper, 0) + value
            assert sums == {cell: value for cell, value in values.items() if cell.period_type == longer}


def test_every_counted_lead_is_counted_once(company: tuple[Ledger, truth.View]) -> None:
    leads = truth.leads_created(*company)
    expected = len(list(truth.counted_leads(*company)))
    for period_type in truth.PERIOD_TYPES:
        assert expected == sum(
            count
            for cell, count in leads.items()
            if (cell.period_type, cell.level) == (period_type, "company")
        )
    gone = sum(lead.now.is_deleted or lead.now.duplicate_of is not None for lead in company[0].leads)
    assert expected == len(company[0].leads) - gone
    assert gone > 20


def test_the_running_period_holds_what_is_open_now(company: tuple[Ledger, truth.View]) -> None:
    expected = sum(
        not deal.now.is_deleted and deal.now.stage in ("Discovery", "Proposal", "Negotiation")
        for deal in company[0].opportunities
    )
    pipeline = truth.open_pipeline(*company)
    for period_type, start in (
        ("week", date(2026, 6, 29)),
        ("month", date(2026, 6, 1)),
        ("year", date(2026, 1, 1)),
    ):
        assert pipeline[truth.Cell(period_type, start, "company", None, None)].open_opportunities == expected
