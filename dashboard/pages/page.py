"""What every page is made from, and what it is.

Belongs here: the two shapes that `pages/` and `app.py` share. Does not belong here: any page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from dashboard.releases import Release, Row
from dashboard.view import Outline, View
from dashboard.viewmodel.parts import Panel
from dashboard.words import Words


class Draw(Protocol):
    """Draws a panel; `height` is that of its chart, in pixels."""

    def __call__(self, panel: Panel, height: int = ...) -> Any: ...


@dataclass(frozen=True)
class Source:
    """One view of one release: all that a page may read."""

    release: Release
    view: View
    outline: Outline
    words: Words
    catalog: Mapping[str, Row]
    may_roam: bool = True
    """Whether the reader may follow links to other pages."""

    def subject(self) -> str:
        """Whose numbers, of which period and source."""
        view = self.view
        who = self.release.company
        if view.rep_id is not None:
            who = self.outline.reps[view.rep_id].name
        elif view.team_id is not None:
            who = self.outline.teams[view.team_id]
        shown = [who, self.words.period(view.period)]
        if view.source is not None:
            shown.append(self.words.say("unknown") if view.source == "unknown" else view.source)
        return " · ".join(shown)


@dataclass(frozen=True)
class Page:
    """A page. `panels` are those whose rows can be had as CSV; `body` draws it, given how to draw a panel."""

    title: str
    panels: tuple[Panel, ...]
    body: Callable[[Draw], Any]
