"""What a page shows, as its address says it: which period, whose numbers, which source, in which language.

Belongs here: reading an address, holding it against what a release has, and writing an address. Does not
belong here: numbers, or how anything looks.

Everything in an address comes from outside. What a release does not have falls back to the default, so an
old link still opens; nothing of it reaches SQL other than as a bound parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal
from urllib.parse import parse_qs, quote, unquote, urlencode

Language = Literal["en", "nl"]
Level = Literal["company", "team", "rep"]
LANGUAGES: tuple[Language, ...] = ("en", "nl")
PERIOD_TYPES = ("week", "month", "quarter", "year")
DEFAULT_PERIOD_TYPE = "month"
LONGEST_VALUE = 300
"""Characters of one value in an address; a longer one is no value of ours."""


@dataclass(frozen=True)
class Asked:
    """An address, read but not yet held against a release. Empty text means that nothing was asked."""

    path: tuple[str, ...] = ()
    period_type: str = ""
    start: str = ""
    team: str = ""
    rep: str = ""
    source: str = ""
    language: str = ""


@dataclass(frozen=True)
class Period:
    """`start` and `end` are inclusive days of the company; `before` and `year_before` may have no rows."""

    type: str
    start: date
    end: date
    is_complete: bool


@dataclass(frozen=True)
class Rep:
    rep_id: str
    name: str
    team_id: str
    is_active: bool = True


@dataclass(frozen=True)
class Outline:
    """What a release can be asked: its periods (oldest first), teams, reps and sources."""

    periods: Mapping[str, tuple[Period, ...]]
    teams: Mapping[str, str]
    reps: Mapping[str, Rep]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class View:
    """An address that the release can answer. `team_id` and `rep_id` are None above their level."""

    path: tuple[str, ...]
    period: Period
    level: Level
    team_id: str | None
    rep_id: str | None
    source: str | None
    language: Language

    @property
    def member(self) -> dict[str, Any]:
        """The bound parameters that name whose numbers these are."""
        return {"level": self.level, "team_id": self.team_id, "rep_id": self.rep_id}

    def href(self, *path: str, **changes: Any) -> str:
        """The address of another page, or of this one with `changes`; the rest of the view is kept."""
        return address(replace(self, path=path or self.path, **changes))


def read(pathname: str | None, search: str | None) -> Asked:
    """An address as a browser gives it: `/metric/open_pipeline` and `?period=month&start=2026-10-01`."""
    whole = (pathname or "/").encode("utf-8", "replace").decode()  # half a character can be in no address
    path = tuple(unquote(part)[:LONGEST_VALUE] for part in whole.split("/") if part)
    try:
        found = parse_qs((search or "").removeprefix("?"), max_num_fields=50)
    except ValueError:
        found = {}

    def first(name: str) -> str:
        return found.get(name, [""])[0][:LONGEST_VALUE]

    return Asked(
        path, first("period"), first("start"), first("team"), first("rep"), first("source"), first("lang")
    )


def language_of(asked: Asked, default: Language) -> Language:
    return next((language for language in LANGUAGES if language == asked.language), default)


def resolve(asked: Asked, outline: Outline, default_language: Language) -> View | None:
    """The nearest view that the release can answer; None where it has no period at all.

    Without a start it is the newest period, the running one. A start within a period means that period. On a
    rep's page the rep is the one of the path.
    """
    language = language_of(asked, default_language)
    period_type = asked.period_type if asked.period_type in PERIOD_TYPES else DEFAULT_PERIOD_TYPE
    periods = outline.periods.get(period_type, ())
    if not periods:
        return None
    period = _period(asked.start, periods)
    on_rep_page = len(asked.path) == 2 and asked.path[0] == "rep"
    rep = outline.reps.get(asked.path[1] if on_rep_page else asked.rep)
    team_id = asked.team if asked.team in outline.teams else None
    source = asked.source if asked.source in outline.sources else None
    if rep is not None and (on_rep_page or team_id in (None, rep.team_id)):
        return View(asked.path, period, "rep", rep.team_id, rep.rep_id, source, language)
    level: Level = "team" if team_id else "company"
    return View(asked.path, period, level, team_id, None, source, language)


def _period(start: str, periods: tuple[Period, ...]) -> Period:
    try:
        wanted = date.fromisoformat(start)
    except ValueError:
        return periods[-1]
    return next((period for period in periods if period.start <= wanted <= period.end), periods[-1])


def address(view: View) -> str:
    """The address that opens `view` again, at any later time."""
    asked = {
        "period": view.period.type,
        "start": view.period.start.isoformat(),
        "team": view.team_id if view.level == "team" else None,
        "rep": view.rep_id if view.path[:1] != ("rep",) else None,
        "source": view.source,
        "lang": view.language,
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    return "/" + "/".join(quote(part, safe="") for part in view.path) + f"?{query}"
