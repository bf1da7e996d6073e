"""What happens within Creme: a company that works with it for a year, and what Creme itself says of it.

Belongs here: what runs in Creme's own Python, through its own code only. Does not belong here: Zeven, or SQL.

    inside.py fill|edit DIARY   makes things happen; the diary gets a line per change of an opportunity
    inside.py tell FILE         writes what Creme says now, by table of the export format, as JSON
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import django

django.setup()

from proof_settings import Clock  # noqa: E402

from creme.activities import constants as acts  # noqa: E402
from creme.activities.models import Activity, ActivitySubType, Status  # noqa: E402
from creme.creme_core.global_info import clear_global_info, set_global_info  # noqa: E402
from creme.creme_core.models import CremeUser, HistoryLine, Relation  # noqa: E402
from creme.creme_core.models.history import TYPE_CREATION, TYPE_EDITION  # noqa: E402
from creme.opportunities import constants as deals  # noqa: E402
from creme.opportunities.models import Opportunity, Origin, SalesPhase  # noqa: E402
from creme.persons.constants import REL_SUB_EMPLOYED_BY  # noqa: E402
from creme.persons.models import Address, Contact, Organisation, Sector  # noqa: E402

START = Clock.at
FILLED = timedelta(days=280)
"""From START on; the edits come after it."""
KINDS = (
    acts.UUID_SUBTYPE_PHONECALL_OUTGOING,
    acts.UUID_SUBTYPE_PHONECALL_INCOMING,
    acts.UUID_SUBTYPE_MEETING_MEETING,
    acts.UUID_SUBTYPE_MEETING_QUALIFICATION,
)
STATES = (acts.UUID_STATUS_DONE, acts.UUID_STATUS_PLANNED, acts.UUID_STATUS_CANCELLED, None)
WATCHED = (
    "sales_phase_id",
    "estimated_sales",
    "made_sales",
    "currency_id",
    "chance_to_win",
    "expected_closing_date",
    "user_id",
)
"""Fields of an opportunity that its history tells of."""


class Company:
    def __init__(self, at: datetime, seed: int, diary: Path) -> None:
        Clock.at = at
        self.rng, self.diary = random.Random(seed), diary
        self.phases = list(SalesPhase.objects.order_by("order"))
        self.open = [phase for phase in self.phases if not phase.won and not phase.lost]
        self.won = next(phase for phase in self.phases if phase.won)
        self.lost = next(phase for phase in self.phases if phase.lost)

    def request(self, user: CremeUser) -> None:
        """As the middleware does between two requests: Creme keeps one line of history per request."""
        clear_global_info()
        set_global_info(user=user, username=user.username)

    def later(self, most_hours: float) -> None:
        seconds = self.rng.randint(60, int(most_hours * 3600))
        Clock.at += timedelta(seconds=seconds, microseconds=self.rng.randint(1, 999_999))

    def people(self) -> None:
        for number in range(8):
            name = f"rep{number}"
            user = CremeUser.objects.create_superuser(
                name, f"Rep{number}", f"Of{number}", f"{name}@example.com"
            )
            if number == 7:
                user.is_active = False
                user.save()
        reps = list(CremeUser.objects.filter(username__startswith="rep").order_by("id"))
        for name, members in (("North", reps[:4]), ("South", reps[4:])):
            team = CremeUser.objects.create(username=name, is_team=True)
            team.teammates = members

    def reps(self) -> list[CremeUser]:
        return list(CremeUser.objects.filter(username__startswith="rep").order_by("id"))

    def organisation(self, name: str) -> Organisation:
        user = self.rng.choice(self.reps())
        self.request(user)
        made = Organisation.objects.create(
            user=user, name=name, sector=self.rng.choice([None, *Sector.objects.order_by("id")])
        )
        if self.rng.random() < 0.7:
            made.billing_address = Address.objects.create(
                owner=made, name="Main", country=self.rng.choice(("France", "Nederland", ""))
            )
            made.save()
        return made

    def contact(self, name: str, organisations: list[Organisation]) -> Contact:
        user = self.rng.choice(self.reps())
        self.request(user)
        made = Contact.objects.create(
            user=user,
            first_name="First",
            last_name=name,
            email=f"{name.lower()}@example.com",
            sector=self.rng.choice([None, *Sector.objects.order_by("id")]),
        )
        if self.rng.random() < 0.8:
            employer = self.rng.choice(organisations)
            Relation.objects.create(
                subject_entity=made, type_id=REL_SUB_EMPLOYED_BY, object_entity=employer, user=user
            )
        return made

    def opportunity(self, number: int, targets: list[Any], ours: Organisation) -> Opportunity:
        user = self.rng.choice(self.reps())
        self.request(user)
        made = Opportunity(
            user=user,
            name=f"Deal {number}",
            sales_phase=self.open[0],
            estimated_sales=self.rng.choice((None, 0, self.rng.randint(500, 90_000))),
            chance_to_win=self.rng.choice((None, 10, 25)),
            expected_closing_date=self.rng.choice((None, (Clock.at + timedelta(days=60)).date())),
            origin=self.rng.choice([None, *Origin.objects.order_by("id")]),
        )
        made.emitter, made.target = ours, self.rng.choice(targets)
        made.full_clean()
        made.save()
        self.note(made)
        return made

    def change(self, opportunity_id: int) -> None:
        """One edit by one person, of one to three fields."""
        found = Opportunity.objects.get(id=opportunity_id)
        before = watched(found)
        self.request(self.rng.choice(self.reps()))
        for _ in range(self.rng.randint(1, 3)):
            match self.rng.randint(0, 5):
                case 0 | 1 if not found.sales_phase.won:
                    found.sales_phase = self.rng.choice(self.open)
                    found.closing_date = None
                case 2:
                    found.estimated_sales = self.rng.randint(500, 90_000)
                case 3:
                    found.chance_to_win = self.rng.choice((None, 30, 50, 80))
                case 4:
                    found.expected_closing_date = (Clock.at + timedelta(days=self.rng.randint(1, 90))).date()
                case 5:
                    found.user = self.rng.choice(self.reps())
        if self.rng.random() < 0.25 and not found.closing_date:
            found.sales_phase = self.rng.choice((self.won, self.lost))
            found.closing_date = Clock.at.date()
            if found.sales_phase.won:
                found.made_sales = self.rng.choice((found.estimated_sales, self.rng.randint(500, 90_000)))
        found.full_clean()
        found.save()
        if watched(found) != before:
            self.note(found)

    def activity(self, about: list[Any]) -> None:
        user = self.rng.choice(self.reps())
        self.request(user)
        kind = ActivitySubType.objects.get(uuid=self.rng.choice(KINDS))
        state = self.rng.choice(STATES)
        start = self.rng.choice((None, Clock.at - timedelta(minutes=self.rng.randint(1, 2_000))))
        made = Activity.objects.create(
            user=user,
            title="Contact",
            type=kind.type,
            sub_type=kind,
            start=start,
            end=start and start + timedelta(minutes=20),
            status=state and Status.objects.get(uuid=state),
        )
        relate(user.linked_contact, acts.REL_SUB_PART_2_ACTIVITY, made, user)
        for one in self.rng.sample(about, self.rng.randint(0, 2)):
            relate(one, acts.REL_SUB_ACTIVITY_SUBJECT, made, user)

    def note(self, opportunity: Opportunity) -> None:
        line = {"opportunity_id": opportunity.id, "changed_at": opportunity.modified, **state_of(opportunity)}
        with self.diary.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=said) + "\n")


def relate(subject: Any, type_id: str, object_: Any, user: CremeUser) -> None:
    Relation.objects.create(subject_entity=subject, type_id=type_id, object_entity=object_, user=user)


def watched(opportunity: Opportunity) -> list[Any]:
    return [getattr(opportunity, name) for name in WATCHED]


def state_of(opportunity: Opportunity) -> dict[str, Any]:
    chance = opportunity.chance_to_win
    return {
        "stage": opportunity.sales_phase.name,
        "amount": opportunity.made_sales or opportunity.estimated_sales,
        "currency": opportunity.currency.international_symbol,
        "probability": None if chance is None else chance / 100,
        "expected_close_on": opportunity.expected_closing_date,
        "owner_id": opportunity.user_id,
    }


def fill(diary: Path) -> None:
    company = Company(START, 1, diary)
    company.people()
    ours = Organisation.objects.filter(is_managed=True).first()
    organisations, contacts, ids = [], [], []
    for number in range(120):
        company.later(1)
        organisations.append(company.organisation(f"Organisation {number}"))
    for number in range(200):
        company.later(2)
        contacts.append(company.contact(f"Contact{number}", organisations))
    steps = 1_400
    hours = 2 * (START + FILLED - Clock.at) / timedelta(hours=steps)
    for step in range(steps):
        company.later(hours)
        if Clock.at > START + FILLED:
            break
        drawn = company.rng.random()
        if drawn < 0.2 or len(ids) < 10:
            targets = organisations if company.rng.random() < 0.7 else contacts
            ids.append(company.opportunity(step, targets, ours).id)
        elif drawn < 0.65:
            company.change(company.rng.choice(ids))
        else:
            company.activity([*company.rng.sample(contacts, 2), Opportunity.objects.get(id=ids[-1])])


def edit(diary: Path) -> None:
    """People go on: changes, a bin, deletions for good, other targets, a team that changes."""
    company = Company(START + FILLED + timedelta(days=1), 2, diary)
    rng = company.rng
    organisations = list(Organisation.objects.filter(is_managed=False).order_by("id"))
    contacts = list(Contact.objects.filter(is_user=None).order_by("id"))
    ours = Organisation.objects.filter(is_managed=True).first()
    ids = list(Opportunity.objects.order_by("id").values_list("id", flat=True))
    drawn = rng.sample(ids, 30)
    thrown, moved = drawn[:10], drawn[10:20]
    # Creme refuses to delete what an activity is about
    purged = [
        one
        for one in drawn[20:]
        if not Opportunity.objects.get(id=one).get_relations(acts.REL_SUB_ACTIVITY_SUBJECT)
    ]
    assert purged
    for number in range(15):
        company.later(5)
        organisations.append(company.organisation(f"Newcomer {number}"))
        contacts.append(company.contact(f"Newcomer{number}", organisations))
        ids.append(company.opportunity(9_000 + number, organisations, ours).id)
    for _ in range(120):
        company.later(2)
        company.change(rng.choice(ids))
    for key in thrown:
        company.later(1)
        company.request(rng.choice(company.reps()))
        Opportunity.objects.get(id=key).trash()
    for key in thrown[:3]:
        company.later(1)
        company.request(rng.choice(company.reps()))
        Opportunity.objects.get(id=key).restore()
    for key in moved:
        company.later(1)
        company.request(rng.choice(company.reps()))
        found = Opportunity.objects.get(id=key)
        found.target = rng.choice(organisations)
        found.save()
    for organisation in rng.sample(organisations, 5):
        company.later(1)
        company.request(rng.choice(company.reps()))
        organisation.name += " Ltd"
        organisation.save()
    for found in rng.sample(list(Activity.objects.order_by("id")), 40):
        company.later(0.5)
        company.request(rng.choice(company.reps()))
        found.status = Status.objects.get(uuid=acts.UUID_STATUS_DONE)
        found.save()
    for found in rng.sample(list(Activity.objects.order_by("id")), 10):
        company.later(0.5)
        company.request(rng.choice(company.reps()))
        found.trash()
    for _ in range(30):
        company.later(0.5)
        company.activity([rng.choice(contacts), Opportunity.objects.get(id=ids[-1])])
    rep, south = company.reps()[0], CremeUser.objects.get(username="South")
    for team in CremeUser.objects.filter(is_team=True):
        team.teammates = [one for one in team.teammates.values() if one != rep] + [rep] * (team == south)
    for key in purged:
        company.later(1)
        company.request(rng.choice(company.reps()))
        Opportunity.objects.get(id=key).trash()
        Opportunity.objects.get(id=key).delete()
    assert Clock.at < datetime.now(UTC), "the year is too short for the edits"


def tell(file: Path) -> None:
    told = {
        "teams": [
            {"team_id": team.id, "team_name": team.username}
            for team in CremeUser.objects.filter(is_team=True)
        ],
        "reps": [rep_of(user) for user in CremeUser.objects.filter(is_team=False)],
        "accounts": [account_of(one) for one in Organisation.objects.all()],
        "leads": [lead_of(one) for one in Contact.objects.filter(is_user=None)],
        "opportunities": [opportunity_of(one) for one in Opportunity.objects.all()],
        "activities": [activity_of(one) for one in Activity.objects.all()],
        "history": list(history()),
    }
    file.write_text(json.dumps(told, default=said), encoding="utf-8")


def rep_of(user: CremeUser) -> dict[str, Any]:
    teams = sorted(team.id for team in user.teams)
    return {
        "rep_id": user.id,
        "rep_name": f"{user.first_name} {user.last_name}".strip(),
        "team_id": teams[0] if teams else None,
        "is_active": user.is_active,
    }


def account_of(one: Organisation) -> dict[str, Any]:
    return {
        "account_id": one.id,
        "account_name": one.name,
        "industry": one.sector and one.sector.title,
        "country": (one.billing_address and one.billing_address.country) or None,
    }


def lead_of(one: Contact) -> dict[str, Any]:
    employers = [other.id for other in one.get_related_entities(REL_SUB_EMPLOYED_BY)]
    relations = [
        relation.created
        for type_id in (deals.REL_OBJ_TARGETS, deals.REL_SUB_LINKED_CONTACT)
        for relation in one.get_relations(type_id)
    ]
    return {
        "lead_id": one.id,
        "created_at": one.created,
        "owner_id": one.user_id,
        "industry": one.sector and one.sector.title,
        "account_id": min(employers, default=None),
        "status": "converted" if relations else "new",
        "converted_at": min(relations, default=None),
        "is_deleted": one.is_deleted,
    }


def opportunity_of(one: Opportunity) -> dict[str, Any]:
    phase, target = one.sales_phase, one.target
    return {
        "opportunity_id": one.id,
        "created_at": one.created,
        **state_of(one),
        "source": one.origin and one.origin.name,
        "closed_on": one.closing_date,
        "is_won": True if phase.won else False if phase.lost else None,
        "account_id": target.id if isinstance(target, Organisation) else None,
        "lead_id": target.id if isinstance(target, Contact) else None,
        "is_deleted": one.is_deleted,
    }


def activity_of(one: Activity) -> dict[str, Any]:
    kinds = {acts.UUID_TYPE_PHONECALL: "call", acts.UUID_TYPE_MEETING: "meeting", acts.UUID_TYPE_TASK: "task"}
    about = [relation.real_object for relation in one.get_subject_relations()]
    leads = [it.id for it in about if isinstance(it, Contact) and not it.is_user_id]
    is_inbound = str(one.sub_type.uuid) == acts.UUID_SUBTYPE_PHONECALL_INCOMING
    return {
        "activity_id": one.id,
        "activity_type": kinds[str(one.type.uuid)],
        "occurred_at": one.start or one.created,
        "owner_id": one.user_id,
        "direction": "inbound" if is_inbound else "outbound",
        "is_completed": one.status is None or str(one.status.uuid) == acts.UUID_STATUS_DONE,
        "opportunity_id": min((it.id for it in about if isinstance(it, Opportunity)), default=None),
        "lead_id": min(leads, default=None),
        "is_deleted": one.is_deleted,
    }


def history() -> Iterator[dict[str, Any]]:
    """Changes of stage and amount as Creme's own audit trail has them, each with what it says was before."""
    phases = dict(SalesPhase.objects.values_list("id", "name"))
    lines = HistoryLine.objects.filter(entity__in=Opportunity.objects.all()).order_by("id")
    for line in lines.filter(type__in=(TYPE_CREATION, TYPE_EDITION)):
        changes = {}
        if line.type == TYPE_EDITION:
            for name, *values in (one for one in line.modifications if one[0] in WATCHED):
                before, after = values if len(values) == 2 else (None, *values)
                if name == "sales_phase_id":
                    before, after = phases.get(before), phases.get(after)
                changes[name] = [before, after]
        if changes or line.type == TYPE_CREATION:
            yield {"opportunity_id": line.entity_id, "changed_at": line.date, "changes": changes}


def said(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    assert isinstance(value, date), value
    return value.isoformat()


if __name__ == "__main__":
    {"fill": fill, "edit": edit, "tell": tell}[sys.argv[1]](Path(sys.argv[2]))
