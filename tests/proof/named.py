"""Companies made by hand, each for a case that chance would miss.

Belongs here: small worlds with a name. Does not belong here: what follows from them.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from tests.proof.chance import utc
from tests.proof.worlds import ACTIVITY_TYPES, DIRECTIONS, LEAD_STATUSES, STAGES
from tests.reference.world import Holiday, Record, Rules, Sighting, World

AS_OF = datetime(2026, 3, 31, 21, 59, 59)


def _world(rules: Rules, **tables: list[Record]) -> World:
    return World(tables, AS_OF, AS_OF, rules)


def _with_seeds(rules: Rules) -> Rules:
    return Rules(
        **vars(rules)
        | {
            "stage_map": STAGES,
            "lead_statuses": LEAD_STATUSES,
            "activity_types": ACTIVITY_TYPES,
            "directions": DIRECTIONS,
            "conversion_targets": {"default": 0.15, "website": 0.2},
        }
    )


def _lead(number: int, created_at: datetime | date, **more: object) -> Record:
    return {"lead_id": f"L{number}", "created_at": created_at, **more}  # type: ignore[dict-item]


def named_worlds(rules: Rules) -> dict[str, World]:
    """By name; under the compiled part of `rules`."""
    rules = _with_seeds(rules)
    noon = datetime(2026, 3, 2, 12)
    rep: Record = {"rep_id": "R1", "team_id": "T1"}
    won: Record = {
        "opportunity_id": "O1",
        "created_at": noon,
        "stage": "won",
        "lead_id": "L1",
        "owner_id": "R1",
        "amount": Decimal("100.00"),
        "closed_on": date(2026, 3, 20),
    }
    call: Record = {"activity_id": "E1", "activity_type": "call", "occurred_at": noon, "lead_id": "L1"}
    return {
        "empty": _world(rules),
        "empty but for a team and a rep": _world(rules, teams=[{"team_id": "T1"}], reps=[rep]),
        "an address of more leads than one person has": _world(
            rules,
            leads=[
                _lead(number, noon, email="info@example.com", _source=("crm", "web")[number % 2])
                for number in range(21)
            ],
        ),
        "one lead": _world(rules, leads=[_lead(1, noon)]),
        "answered after no whole minutes": _world(
            rules,
            leads=[_lead(1, noon + timedelta(seconds=1))],
            activities=[{**call, "occurred_at": noon + timedelta(minutes=134)}],
        ),
        "one lead of tomorrow": _world(rules, leads=[_lead(1, AS_OF + timedelta(days=1))]),
        "no reps": _world(
            rules, leads=[_lead(1, noon, owner_id="R1")], opportunities=[won], activities=[call]
        ),
        "all deleted": _world(
            rules,
            reps=[rep],
            leads=[_lead(1, noon, is_deleted=True)],
            opportunities=[{**won, "is_deleted": True}],
            activities=[{**call, "is_deleted": True}],
        ),
        "all deleted later": _world(
            rules,
            leads=[_lead(1, noon, is_deleted=True, updated_at=noon + timedelta(days=9))],
            opportunities=[
                {
                    **won,
                    "stage": "proposal",
                    "closed_on": None,
                    "is_deleted": True,
                    "updated_at": date(2026, 3, 9),
                }
            ],
        ),
        "only activities": _world(rules, activities=[{**call, "lead_id": None}]),
        "only targets": _world(
            rules,
            teams=[{"team_id": "T1"}],
            reps=[rep],
            targets=[
                {"period_type": "month", "period_start": date(2026, 3, 1), "target_amount": Decimal("10.00")},
                {
                    "period_type": "month",
                    "period_start": date(2026, 3, 1),
                    "target_amount": Decimal("4.00"),
                    "rep_id": "R1",
                },
            ],
        ),
        "merged in a circle, and into it": _world(
            rules,
            leads=[
                _lead(3, noon, duplicate_of="L2"),
                _lead(2, noon, duplicate_of="L4"),
                _lead(4, noon, duplicate_of="L3"),
                _lead(1, noon, duplicate_of="L4"),
                _lead(5, noon, duplicate_of="L5"),
                _lead(6, noon, duplicate_of="L7"),
            ],
            activities=[call],
        ),
        "a chain of merges": _world(
            rules,
            leads=[
                _lead(number, noon, duplicate_of=f"L{number + 1}" if number < 12 else None)
                for number in range(1, 13)
            ],
            activities=[call],
            opportunities=[won],
        ),
        "nights on which clocks change": _nights(rules),
        "weeks of a year that has 53": _world(
            rules, leads=[_lead(day, date(2020, 12, 20) + timedelta(days=day)) for day in range(1, 21)]
        ),
        "three years of leads": _three_years(rules),
        "two products, ten contact moments": _products(rules, won),
        "a deal that earlier runs saw": _seen(rules),
    }


def _nights(rules: Rules) -> World:
    """A lead and its answer around every hour of the night."""
    leads: list[Record] = []
    calls: list[Record] = []
    for day in (date(2025, 10, 25), date(2026, 3, 7), date(2026, 3, 28)):
        for hour in range(20, 34):
            at = datetime(day.year, day.month, day.day) + timedelta(hours=hour)
            number = len(leads) + 1
            leads.append(_lead(number, utc(at, rules.time_zone)))
            answered = utc(at + timedelta(hours=5, minutes=17), rules.time_zone)
            calls.append(
                {
                    "activity_id": f"E{number}",
                    "activity_type": "call",
                    "occurred_at": answered,
                    "lead_id": f"L{number}",
                }
            )
    part_day = {date(2026, 3, 30): Holiday("half a day", (9 * 60, 12 * 60 + 30))}
    rules = Rules(**vars(rules) | {"holidays": part_day})
    return _world(rules, leads=leads, activities=calls)


def _three_years(rules: Rules) -> World:
    """More in some months than in others, and one team that came later."""
    leads: list[Record] = []
    for month in range(36):
        year, number = divmod(2023 * 12 + 3 + month, 12)
        for day in range(1, 2 + month % 5):
            owner_id = "R2" if month > 18 and day % 2 else "R1"
            leads.append(
                _lead(len(leads) + 1, date(year, number + 1, day), owner_id=owner_id, source="website")
            )
    reps: list[Record] = [{"rep_id": "R1", "team_id": "T1"}, {"rep_id": "R2", "team_id": "T2"}]
    return _world(rules, teams=[{"team_id": "T1"}, {"team_id": "T2"}], reps=reps, leads=leads)


def _products(rules: Rules, won: Record) -> World:
    calls: list[Record] = [
        {
            "activity_id": f"E{number}",
            "activity_type": "call",
            "occurred_at": datetime(2026, 3, 3, 9) + timedelta(days=number),
            "opportunity_id": "O1",
        }
        for number in range(10)
    ]
    lines: list[Record] = [
        {"opportunity_id": "O1", "product_id": "P1", "amount": Decimal("70.00")},
        {"opportunity_id": "O1", "product_id": "P2", "amount": Decimal("30.00")},
    ]
    leads = [_lead(1, datetime(2026, 3, 2, 12))]
    return _world(rules, leads=leads, opportunities=[won], opportunity_products=lines, activities=calls)


def _seen(rules: Rules) -> World:
    seen = [
        Sighting(
            datetime(2026, 1, 5, 6),
            "O1",
            "discovery",
            None,
            rules.currency,
            Decimal("50.00"),
            None,
            None,
            None,
        ),
        Sighting(
            datetime(2026, 2, 5, 6),
            "O1",
            "proposal",
            None,
            rules.currency,
            Decimal("80.00"),
            None,
            None,
            None,
        ),
    ]
    deal: Record = {
        "opportunity_id": "O1",
        "created_at": datetime(2025, 12, 20, 12),
        "stage": "negotiation",
        "amount": Decimal("90.00"),
        "updated_at": datetime(2026, 3, 3, 12),
    }
    return World({"opportunities": [deal]}, AS_OF, AS_OF, rules, tuple(seen))
