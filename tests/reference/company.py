"""The company of a world: everything that the tables are computed from, put together once.

Belongs here: which part needs which. Does not belong here: a definition.
"""

from __future__ import annotations

from tests.reference.clock import Clock
from tests.reference.contacts import contact_moments
from tests.reference.counted import Counted
from tests.reference.deals import DealStory
from tests.reference.lead_facts import LeadStory
from tests.reference.looks import Looks
from tests.reference.members import Members
from tests.reference.past import Memory
from tests.reference.periods import Calendar
from tests.reference.products import Products
from tests.reference.rates import Rates
from tests.reference.records import Records
from tests.reference.world import World


class Company:
    def __init__(self, world: World) -> None:
        self.rules = world.rules
        self.clock = Clock(world.rules, world.as_of)
        self.records = Records(world, self.clock)
        self.members = Members(self.records.team_ids, self.records.reps)
        self.rates = Rates(world.rules.currency, self.records.rates)
        self.products = Products(self.records.lines)
        self.calendar = self._calendar()
        looks = Looks(self.records.changes, world.sightings, world.observed_at, self.clock)
        self.counted = Counted(self.records, looks, world.rules, self.clock)
        self.moments = contact_moments(self.records.activities, self.counted, self.members, self.clock)
        story = LeadStory(
            self.counted, self.moments, self.members, self.clock, world.rules.response_exclude_sources
        )
        self.leads = [story.facts(lead) for lead in self.counted.leads.values()]
        memory = Memory(self.records.changes, looks, world.rules, self.counted, self.clock)
        deals = DealStory(self.counted, memory, self.members, self.rates, self.clock)
        self.deals_ever = [deals.deal(opportunity) for opportunity in self.counted.ever_in_pipeline]
        self.deals = [deal for deal in self.deals_ever if deal.counts]

    def _calendar(self) -> Calendar:
        """From the first day on which anything was recorded, whatever became of it."""
        moments = [lead.created for lead in self.records.leads]
        ends = [(lead.converted, lead.disqualified, lead.became_customer) for lead in self.records.leads]
        moments += [end for of_lead in ends for end in of_lead if end is not None]
        moments += [opportunity.created for opportunity in self.records.opportunities]
        moments += [opp.closed_on for opp in self.records.opportunities if opp.closed_on is not None]
        moments += [activity.occurred for activity in self.records.activities]
        first = min([self.clock.today, *(self.clock.day_of(moment) for moment in moments)])
        return Calendar(self.rules.fiscal_year_start_month, first, self.clock.today)
