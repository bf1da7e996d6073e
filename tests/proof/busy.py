"""Companies with enough to do that the rules of signals fire.

Belongs here: companies in which something is the matter: a slow rep, a season, a source that pays, a target
out of reach. Does not belong here: odd records (`worlds.py`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from tests.proof.chance import utc
from tests.proof.worlds import ACTIVITY_TYPES, DIRECTIONS, LEAD_STATUSES, STAGES
from tests.reference.periods import months_later
from tests.reference.world import Record, Rules, World

_SOURCES = ("website", "fair", "referral", None)
_LAST = date(2026, 3, 1)
_RECENT_MONTHS = 3
"""Only of these there is more than leads: each contact moment and opportunity costs time."""


def make_busy_world(rules: Rules, seed: int) -> World:
    """Like `make_world`: under the compiled part of `rules`, one seed is one company."""
    rng = Random(seed)
    rules = replace(
        rules,
        stage_map=dict(STAGES),
        lead_statuses=dict(LEAD_STATUSES),
        activity_types=dict(ACTIVITY_TYPES),
        directions=dict(DIRECTIONS),
        conversion_targets={"default": rng.choice((0.1, 0.3, 0.8)), "fair": rng.choice((0.05, 0.5))},
    )
    return _Company(rng, rules).world()


class _Company:
    def __init__(self, rng: Random, rules: Rules) -> None:
        self.rng, self.rules = rng, rules
        self.tables: dict[str, list[Record]] = {
            name: [] for name in ("teams", "reps", "leads", "opportunities", "activities", "targets")
        }
        self.as_of_day = _LAST + timedelta(days=rng.choice((0, 8, 19, 30)))
        self.pays = {source: rng.choice((0.0, 0.1, 0.2, 0.95)) for source in _SOURCES}
        self.buys = rng.choice((0.0, 0.15, 0.6))
        self.reps: list[str | None] = []
        self.delays: dict[str | None, int] = {None: 60}
        self.calls: dict[str | None, int] = {None: 0}

    def world(self) -> World:
        self._people()
        for month, leads in self._months():
            self._month(month, leads)
        self._targets()
        as_of = utc(datetime.combine(self.as_of_day, time(23, 59, 59)), self.rules.time_zone)
        return World(self.tables, as_of, as_of, self.rules)

    def _people(self) -> None:
        """Some teams stand in no row of their own, some reps have none or are gone."""
        rng = self.rng
        self.tables["teams"] = [{"team_id": team} for team in ("T1", "T2") if rng.random() < 0.8]
        slow = rng.choice((0.1, 0.4, 0.9))
        for number in range(rng.choice((2, 4, 6))):
            rep = f"R{number}"
            self.tables["reps"].append(
                {
                    "rep_id": rep,
                    "team_id": rng.choice(("T1", "T1", "T2", "T2", None)),
                    "is_active": rng.choice((True, True, None, False)),
                    "lead_capacity": rng.choice((None, 3, 12, 30)),
                }
            )
            self.reps += [rep, rep]
            self.delays[rep] = rng.choice((200, 900)) if rng.random() < slow else rng.choice((1, 10, 30))
            self.calls[rep] = rng.choice((0, 1, 2, 5))
        self.reps.append(None)

    def _months(self) -> list[tuple[date, int]]:
        """The leads of each month: a season over years that the last months may leave, or a few months."""
        rng = self.rng
        level, factor = rng.choice((4, 8, 16)), rng.choice((1, 1, 3, 0))
        season = [rng.choice((1, 1, 2, 3)) * level for _ in range(12)]
        months = [months_later(_LAST, -back) for back in range(rng.choice((4, 27)), -1, -1)]
        leads = {month: season[month.month - 1] for month in months}
        leads[months[-2]] *= factor
        return [*leads.items()]

    def _month(self, month: date, leads: int) -> None:
        is_recent = month > months_later(_LAST, -_RECENT_MONTHS)
        for _ in range(leads):
            day = month + timedelta(days=self.rng.randrange(28))
            if day <= self.as_of_day:
                self._lead(day, is_recent)

    def _lead(self, day: date, is_recent: bool) -> None:
        rng = self.rng
        number = len(self.tables["leads"]) + 1
        owner_id, source = rng.choice(self.reps), rng.choice(_SOURCES)
        created = utc(datetime.combine(day, time(10, rng.randrange(60))), self.rules.time_zone)
        lead: Record = {
            "lead_id": f"L{number}",
            "created_at": created if rng.random() < 0.95 else day,
            "owner_id": owner_id,
            "source": source,
            "status": "qualified" if rng.random() < self.buys else "working",
        }
        self.tables["leads"].append(lead)
        if not is_recent:
            lead |= {"status": "disqualified", "disqualified_at": created + timedelta(days=1)}
            return
        calls = self.calls[owner_id] + 1 if rng.random() < 0.85 else 0
        for call in range(calls):
            at = created + timedelta(minutes=self.delays[owner_id] * rng.choice((1, 1, 2)), hours=5 * call)
            maker = owner_id if rng.random() < 0.9 else rng.choice(self.reps)
            self.tables["activities"].append(
                {
                    "activity_id": f"E{len(self.tables['activities'])}",
                    "activity_type": "call",
                    "occurred_at": at if rng.random() < 0.95 else at.date(),
                    "owner_id": maker,
                    "lead_id": lead["lead_id"],
                }
            )
        fate = rng.random()
        if fate < 0.3:
            lead |= {"status": "disqualified", "disqualified_at": created + timedelta(days=rng.randrange(5))}
        elif fate < 0.95:
            self._deal(lead, owner_id, day)

    def _deal(self, lead: Record, owner_id: str | None, day: date) -> None:
        rng = self.rng
        is_won = rng.random() < self.pays[lead["source"]]  # type: ignore[index]
        is_open = not is_won and rng.random() < 0.5
        stage = "discovery" if is_open else "won" if is_won else "lost"
        self.tables["opportunities"].append(
            {
                "opportunity_id": f"O{lead['lead_id']}",
                "created_at": day,
                "stage": stage,
                "lead_id": lead["lead_id"],
                "owner_id": owner_id,
                "amount": Decimal(rng.choice((10, 100, 1000))),
                "expected_close_on": _LAST + timedelta(days=rng.choice((0, 20, 40))),
                "closed_on": None if is_open else day + timedelta(days=rng.randrange(12)),
            }
        )

    def _targets(self) -> None:
        rng = self.rng
        owners: list[Record] = [{}, {"team_id": "T1"}, {"team_id": "T2"}]
        owners += [{"rep_id": rep["rep_id"]} for rep in self.tables["reps"]]
        for owner in owners:
            for month in (_LAST, months_later(_LAST, -1)):
                if rng.random() < 0.5:
                    amount = Decimal(rng.choice((0, 500, 5000, 50000)))
                    self.tables["targets"].append(
                        {"period_type": "month", "period_start": month, "target_amount": amount, **owner}
                    )
