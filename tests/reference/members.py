"""Members: the company, its teams and its reps, and whom an owner's id stands for.

Belongs here: who there is, and which rows a record of a rep counts in. Does not belong here: what they did.
"""

from __future__ import annotations

from typing import NamedTuple

from tests.reference.records import Rep

UNASSIGNED = "unassigned"
UNKNOWN = "unknown"


class Member(NamedTuple):
    level: str
    team_id: str | None
    rep_id: str | None


COMPANY = Member("company", None, None)


class Members:
    def __init__(self, team_ids: list[str], reps: list[Rep]) -> None:
        self.reps = {rep.rep_id: rep for rep in reps}
        self._team_of = {rep.rep_id: rep.team_id or UNASSIGNED for rep in reps} | {UNASSIGNED: UNASSIGNED}
        self.team_ids = sorted({*team_ids, *self._team_of.values()})
        self.teams = [Member("team", team, None) for team in self.team_ids]
        self._rep_members = {rep: Member("rep", team, rep) for rep, team in sorted(self._team_of.items())}
        self.all = [COMPANY, *self.teams, *self._rep_members.values()]
        self._above = {
            rep: (COMPANY, Member("team", member.team_id, None), member)
            for rep, member in self._rep_members.items()
        }

    def rep_of(self, owner_id: str | None) -> str:
        """An owner who is no rep, and none at all, is `unassigned`."""
        return owner_id if owner_id in self._team_of else UNASSIGNED

    def team_of(self, rep_id: str) -> str:
        return self._team_of[rep_id]

    def counting(self, rep_id: str) -> tuple[Member, ...]:
        """The company, the team and the rep: the members that a record of the rep counts for."""
        return self._above[rep_id]

    def below(self, member: Member) -> list[Member]:
        """The teams of the company, the reps of a team."""
        if member.level == "company":
            return self.teams
        if member.level == "team":
            return [rep for rep in self._rep_members.values() if rep.team_id == member.team_id]
        return []
