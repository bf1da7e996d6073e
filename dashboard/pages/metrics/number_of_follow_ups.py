"""3. How many contact moments does a lead, and a won deal, take: per product, industry, channel, rep?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.
"""

from __future__ import annotations

from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown

SLUG = "number_of_follow_ups"
PER_LEAD = (
    Shown("follow_ups_per_contacted_lead", "number"),
    Shown("mean_contact_moments_per_won_lead", "number"),
    Shown("mean_contact_moments_per_lost_lead", "number"),
    Shown("contact_moments"),
)
PER_CHANNEL = (Shown("contact_moments"), Shown("first_responses"), Shown("follow_ups"))


def panels(source: Source) -> tuple[Panel, ...]:
    words, view = source.words, source.view
    history = rows.history(source, SLUG)
    return (
        tables.trend(
            words,
            view,
            history,
            (Drawn.bar("follow_ups"), Drawn.bar("first_responses", "muted")),
            slug=SLUG,
            kind="count",
            stacked=True,
            also=(Shown("contact_moments"), Shown("contacted_leads")),
        ),
        tables.trend(
            words,
            view,
            history,
            (
                Drawn.line("mean_contact_moments_per_won_lead", "good"),
                Drawn.line("mean_contact_moments_per_lost_lead", "bad", dashed=True),
            ),
            id="persistence",
            slug=SLUG,
            kind="number",
            also=(
                Shown("won_leads"),
                Shown("lost_leads"),
                Shown("median_contact_moments_per_won_lead", "number"),
            ),
        ),
        *rows.reps(
            source,
            SLUG,
            (
                Shown("follow_ups_per_contacted_lead", "number"),
                Shown("follow_ups"),
                Shown("contact_moments"),
                Shown("mean_contact_moments_per_won_lead", "number"),
                Shown("abandoned_ratio", "ratio"),
            ),
        ),
        *rows.dimensions(source, SLUG, ("channel",), PER_CHANNEL),
        *rows.dimensions(source, SLUG, ("product", "industry", "source"), PER_LEAD),
        tables.trend(
            words,
            view,
            history,
            (Drawn.line("abandoned_ratio", "bad"),),
            id="abandoned",
            slug=SLUG,
            kind="ratio",
            also=(Shown("abandoned_leads"),),
        ),
        *rows.teams(source, SLUG, PER_LEAD),
    )
