"""The rows that several metric pages ask for, narrowed to the source of the view where the mart can.

Belongs here: asking. Does not belong here: SQL, panels.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboard import data
from dashboard.pages.page import Source
from dashboard.releases import Row
from dashboard.viewmodel import tables
from dashboard.viewmodel.parts import Panel
from dashboard.viewmodel.tables import Shown


def history(source: Source, slug: str) -> tuple[Row, ...]:
    """The metric through time, of the view's source if it has one."""
    chosen = source.view.source
    return data.history(source.release, slug, source.view, "source" if chosen else "total", chosen or "total")


def members(source: Source, slug: str, level: str) -> tuple[Row, ...]:
    """The metric of every team or rep, of the view's source if it has one."""
    return data.members(source.release, slug, source.view, level, source=source.view.source)


def dimensions(
    source: Source, slug: str, wanted: Sequence[str], shown: Sequence[Shown], **how: object
) -> tuple[Panel, ...]:
    """A panel for each breakdown of the metric; `how` goes to `tables.by_dimension`."""
    return tuple(
        tables.by_dimension(
            source.words,
            data.by_value(source.release, slug, source.view, dimension),
            dimension,
            shown,
            slug=slug,
            names=data.names(source.release, dimension),
            **how,  # type: ignore[arg-type]
        )
        for dimension in wanted
    )


def teams(source: Source, slug: str, shown: Sequence[Shown], **how: object) -> tuple[Panel, ...]:
    """The teams side by side; nothing once a team or a rep is chosen."""
    if source.view.level != "company":
        return ()
    made = tables.by_team(
        source.words,
        source.view,
        source.outline,
        members(source, slug, "team"),
        shown,
        slug=slug,
        **how,  # type: ignore[arg-type]
    )
    return (made,) if len(made.rows) > 1 else ()


def reps(source: Source, slug: str, shown: Sequence[Shown], **how: object) -> tuple[Panel, ...]:
    """The reps side by side; nothing once one is chosen."""
    if source.view.level == "rep":
        return ()
    return (
        tables.by_rep(
            source.words,
            source.view,
            source.outline,
            members(source, slug, "rep"),
            shown,
            slug=slug,
            **how,  # type: ignore[arg-type]
        ),
    )
