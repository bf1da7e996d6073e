"""2. Is one rep slower than the team, or is the whole team slow? And does it matter?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.
"""

from __future__ import annotations

from dashboard import data
from dashboard.pages import overview as overview_page
from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import overview, speed, tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown

SLUG = "lead_response_time"
SHOWN = (
    Shown("median_business_response_minutes", "minutes"),
    Shown("p90_business_response_minutes", "minutes"),
    Shown("within_sla_ratio", "ratio"),
    Shown("unanswered_leads"),
    Shown("leads"),
)


def panels(source: Source) -> tuple[Panel, ...]:
    words, view = source.words, source.view
    history = rows.history(source, SLUG)
    return (
        tables.trend(
            words,
            view,
            history,
            (
                Drawn.line("median_business_response_minutes"),
                Drawn.line("p90_business_response_minutes", "muted", dashed=True),
            ),
            slug=SLUG,
            kind="minutes",
            hint=words.say("business_minutes_hint"),
            also=(
                Shown("median_response_minutes", "minutes"),
                Shown("km_median_response_minutes", "minutes"),
            ),
        ),
        overview_page.answer_times(source),
        *rows.reps(
            source,
            SLUG,
            SHOWN,
            mark="team_median_business_response_minutes",
            hint=words.say("team_median_hint"),
            lowest_first=True,
        ),
        *_does_speed_pay(source),
        tables.trend(
            words,
            view,
            history,
            (Drawn.line("within_sla_ratio"), Drawn.line("response_ratio", "muted", dashed=True)),
            id="in_time",
            slug=SLUG,
            kind="ratio",
            also=(Shown("within_sla_leads"), Shown("sla_eligible_leads"), Shown("unanswered_leads")),
        ),
        *rows.teams(source, SLUG, SHOWN),
        *rows.dimensions(source, SLUG, ("source", "industry"), SHOWN),
    )


def _does_speed_pay(source: Source) -> tuple[Panel, ...]:
    """Of the leads that had time to decide, a year of them: how many became customers, by waiting time."""
    release, view = source.release, source.view
    ripened = overview.newest_ripened(data.history(release, "conversion_ratio", view), view.period.start)
    if ripened is None:
        return ()
    until = ripened["period_end"]
    since = until.replace(year=until.year - 1, day=min(until.day, 28))
    found = data.response_buckets(release, view, overview.RESPONSE_EDGES, since, until)
    return (speed.does_speed_pay(source.words, found, since, until),)
