"""7. How much revenue is realised, by owner of the deal and of the lead, and by lead source?

Belongs here: which published columns answer that. Does not belong here: SQL, formulas, looks.
"""

from __future__ import annotations

from dashboard import data
from dashboard.pages.metrics import rows
from dashboard.pages.page import Source
from dashboard.viewmodel import sales, tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Drawn, Shown

SLUG = "closed_sales"
SHOWN = (
    Shown("closed_amount", "money"),
    Shown("won_opportunities"),
    Shown("mean_deal_amount", "money"),
    Shown("win_ratio", "ratio"),
)
DEALS_SHOWN = 12


def panels(source: Source) -> tuple[Panel, ...]:
    words, view, release = source.words, source.view, source.release
    history = rows.history(source, SLUG)
    return (
        tables.trend(
            words,
            view,
            history,
            (
                Drawn.bar("closed_amount"),
                Drawn.line("same_period_last_year_closed_amount", "muted", dashed=True),
            ),
            slug=SLUG,
            kind="money",
            also=(Shown("won_opportunities"), Shown("median_deal_amount", "money")),
        ),
        tables.trend(
            words,
            view,
            history,
            (Drawn.line("win_ratio"),),
            id="winning",
            slug=SLUG,
            kind="ratio",
            also=(
                Shown("won_opportunities"),
                Shown("lost_opportunities"),
                Shown("lost_amount", "money"),
                Shown("median_sales_cycle_days", "days"),
            ),
        ),
        *rows.reps(source, SLUG, (*SHOWN, Shown("median_sales_cycle_days", "days"))),
        *rows.dimensions(source, SLUG, ("lead_owner", "source", "product", "industry"), SHOWN),
        *rows.teams(source, SLUG, SHOWN),
        sales.largest(words, source.outline, data.largest_deals(release, view, DEALS_SHOWN)),
    )
