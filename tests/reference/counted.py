"""Which leads and opportunities count, and what they belong to.

Belongs here: merges, exclusions, deletions, outcome and close of an opportunity, source and industry. Does
not belong here: what happened to a lead (`lead_facts.py`), or to an opportunity over time (`past.py`).
"""

from __future__ import annotations

from datetime import date

from tests.reference.clock import Clock
from tests.reference.looks import Looks
from tests.reference.members import UNKNOWN
from tests.reference.persons import combined, matches
from tests.reference.records import Lead, Opportunity, Records, spelling
from tests.reference.world import Rules, Stage


class Counted:
    def __init__(self, records: Records, looks: Looks, rules: Rules, clock: Clock) -> None:
        self._clock = clock
        self._exclusions = rules.lead_exclusions
        self._stages = rules.stage_map
        self._industries = records.industries
        self._all_leads = {lead.lead_id: lead for lead in records.leads}
        self._matched: dict[str, str] = {}
        standing = [lead for lead in records.leads if self._lead_counts(lead)]
        if rules.match_leads_by == "email":
            self._matched = matches(standing, clock)
        self.leads = {
            lead.lead_id: self._known(lead, standing)
            for lead in standing
            if lead.lead_id not in self._matched
        }
        existing = [opp for opp in records.opportunities if clock.by_as_of(opp.created)]
        self.opportunities = {opp.opportunity_id: opp for opp in existing if not looks.is_deleted(opp)}
        self.ever_in_pipeline = [
            opp for opp in existing if not looks.is_deleted(opp) or looks.deleted_at(opp) is not None
        ]

    def survivor_of(self, lead_id: str) -> str:
        """The end of the chain of merges, or the lead of another source that is the same person."""
        end = self._end_of_chain(lead_id)
        return self._matched.get(end, end)

    def _known(self, lead: Lead, standing: list[Lead]) -> Lead:
        others = [other for other in standing if self._matched.get(other.lead_id) == lead.lead_id]
        return combined(lead, others, self._clock) if others else lead

    def _end_of_chain(self, lead_id: str) -> str:
        """In a circle the lowest id."""
        chain = [lead_id]
        while True:
            lead = self._all_leads.get(chain[-1])
            into = None if lead is None else lead.duplicate_of
            if into is None or into == chain[-1] or into not in self._all_leads:
                return chain[-1]
            if into in chain:
                return min(chain[chain.index(into) :])
            chain.append(into)

    def lead(self, lead_id: str | None) -> Lead | None:
        """The counted lead that a link leads to, after merges."""
        return None if lead_id is None else self.leads.get(self.survivor_of(lead_id))

    def contacts(self) -> list[tuple[str, Lead]]:
        """Every contact that a lead, or one merged into it, was converted into, with the counted lead."""
        pairs = {}
        for lead in self._all_leads.values():
            survivor = self.lead(lead.lead_id)
            if lead.contact_id is not None and survivor is not None:
                pairs[lead.contact_id, survivor.lead_id] = survivor
        return [(contact, lead) for (contact, _), lead in pairs.items()]

    def stage(self, stage: str | None) -> Stage:
        """A stage that the map does not know is qualified, and neither won nor lost."""
        unknown = Stage(is_qualified=True, outcome=None, probability=None)
        return unknown if stage is None else self._stages.get(spelling(stage), unknown)

    def outcome(self, opportunity: Opportunity) -> str | None:
        """Won or lost by `as_of`, also where nobody knows since when."""
        if opportunity.closed_on is not None and not self._clock.is_over(opportunity.closed_on):
            return None
        return self.outcome_ever(opportunity)

    def outcome_ever(self, opportunity: Opportunity) -> str | None:
        """What the record says, whenever that will be."""
        if opportunity.is_won is not None:
            return "won" if opportunity.is_won else "lost"
        return self.stage(opportunity.stage).outcome

    def close_day(self, opportunity: Opportunity) -> date | None:
        return opportunity.closed_on if self.outcome(opportunity) else None

    def lead_industry(self, lead: Lead) -> str:
        return lead.industry or self._industries.get(lead.account_id or "") or UNKNOWN

    def source(self, opportunity: Opportunity) -> str:
        lead = self.lead(opportunity.lead_id)
        return opportunity.source or (lead.source if lead else None) or UNKNOWN

    def industry(self, opportunity: Opportunity) -> str:
        own = self._industries.get(opportunity.account_id or "")
        lead = self.lead(opportunity.lead_id)
        return own or (self.lead_industry(lead) if lead else UNKNOWN)

    def _lead_counts(self, lead: Lead) -> bool:
        """Whatever other sources say of the person."""
        return (
            self._clock.by_as_of(lead.created)
            and self._end_of_chain(lead.lead_id) == lead.lead_id
            and not lead.is_deleted
            and all(lead.source != source for _, source in self._exclusions)
        )
