"""What stands around every page: the header with the seven metrics, the filters, the release and the banners.

Belongs here: the frame, its filters, and pages without numbers (no release, not found, not yours). Does not
belong here: panels and cards (`ui/panels.py`, `ui/cards.py`), or what the filters mean (`view.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.view import LANGUAGES, PERIOD_TYPES, Outline, View
from dashboard.words import Words

THEME = {
    "fontFamily": "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif",
    "primaryColor": "blue",
    "respectReducedMotion": True,
}
FILTERS = ("period", "start", "team", "rep", "source")
"""Names of the filters as the address spells them; each has a component with the id `filter-<name>`."""


def provider(children: Any) -> Any:
    """The root of every page: theme and colour scheme."""
    return dmc.MantineProvider(children, id="mantine", theme=THEME, defaultColorScheme="auto")


def frame(
    content: Any,
    *,
    view: View,
    words: Words,
    outline: Outline,
    names: Mapping[str, str],
    release: str,
    as_of: str,
    stale: str,
    banner: str,
    may_roam: bool,
) -> Any:
    """A whole page. `names` are the seven metrics by slug; `may_roam` is whether other pages may be seen."""
    return html.Div(
        [
            html.A(words.say("skip"), href="#content", className="skip"),
            html.Header(
                [
                    html.Div(
                        [
                            html.Div(
                                dcc.Link("Zeven", href=view.href("")) if may_roam else "Zeven",
                                className="brand",
                            ),
                            _menu(view, words, names) if may_roam else None,
                            html.Div(
                                [
                                    html.Span(as_of, className="as-of", title=release),
                                    html.Span(stale, className="stale") if stale else None,
                                ],
                                className="release",
                            ),
                            _languages(view, words),
                            dmc.ColorSchemeToggle(
                                lightIcon=html.Span("☀", **{"aria-hidden": "true"}),
                                darkIcon=html.Span("☾", **{"aria-hidden": "true"}),
                                variant="default",
                                size="sm",
                                **{"aria-label": words.say("theme")},
                            ),
                        ],
                        className="bar-top",
                    ),
                    _filters(view, words, outline, may_roam),
                ],
                className="header",
            ),
            html.Div(banner, className="banner", role="alert") if banner else None,
            html.Main(content, id="content", tabIndex=-1),
        ],
        className="page",
        lang=view.language,
    )


def _menu(view: View, words: Words, names: Mapping[str, str]) -> Any:
    here = view.path[1] if view.path[:1] == ("metric",) and len(view.path) > 1 else ""
    links = [_entry(words.say("overview"), view.href(""), is_here=view.path in ((), ("",)))]
    links += [_entry(name, view.href("metric", slug), is_here=slug == here) for slug, name in names.items()]
    return html.Nav(links, className="menu", **{"aria-label": words.say("title")})


def _entry(text: str, href: str, *, is_here: bool) -> Any:
    return dcc.Link(text, href=href, className="here" if is_here else "")


def _languages(view: View, words: Words) -> Any:
    return html.Div(
        [
            dcc.Link(
                language.upper(),
                href=view.href(language=language),
                className="here" if language == view.language else "",
            )
            for language in LANGUAGES
        ],
        className="languages",
        role="group",
        **{"aria-label": words.say("language")},
    )


def _filters(view: View, words: Words, outline: Outline, may_roam: bool) -> Any:
    on_rep_page = view.path[:1] == ("rep",)
    is_free = may_roam and not on_rep_page
    reps = [
        rep
        for rep in outline.reps.values()
        if view.team_id is None or rep.team_id == view.team_id or rep.rep_id == view.rep_id
    ]
    controls = [
        dmc.SegmentedControl(
            id="filter-period",
            data=[{"value": kind, "label": words.say(f"type_{kind}")} for kind in PERIOD_TYPES],
            value=view.period.type,
            size="xs",
            **{"aria-label": words.say("period_type")},
        ),
        _select(
            "start",
            words.say("period"),
            [
                {"value": period.start.isoformat(), "label": words.period(period)}
                for period in reversed(outline.periods[view.period.type])
            ],
            view.period.start.isoformat(),
            searchable=True,
        ),
    ]
    whose = html.Div(
        [
            _select(
                "team",
                words.say("team"),
                [{"value": key, "label": name} for key, name in outline.teams.items()] if is_free else [],
                view.team_id if is_free else None,
                placeholder=words.say("all_teams"),
            ),
            _select(
                "rep",
                words.say("rep"),
                [{"value": rep.rep_id, "label": rep.name} for rep in reps] if is_free else [],
                view.rep_id if is_free else None,
                placeholder=words.say("all_reps_filter"),
                searchable=True,
            ),
        ],
        className="whose",
        hidden=not is_free,  # the browser's part of the filters needs them to be there
    )
    controls.append(whose)
    controls.append(
        _select(
            "source",
            words.say("source"),
            [
                {"value": source, "label": words.say("unknown") if source == "unknown" else source}
                for source in outline.sources
            ],
            view.source,
            placeholder=words.say("all_sources"),
        )
    )
    is_narrowed = view.source is not None or (view.level != "company" and not on_rep_page)
    controls.append(
        dcc.Link(
            words.say("reset"),
            href=view.href(
                source=None, **({} if on_rep_page else {"team_id": None, "rep_id": None, "level": "company"})
            ),
            className="reset" if is_narrowed else "reset off",
        )
    )
    shown = {
        "period": view.period.type,
        "start": view.period.start.isoformat(),
        "team": view.team_id if is_free else None,
        "rep": view.rep_id if is_free else None,
        "source": view.source,
    }
    controls.append(dcc.Store(id="shown", data=shown))
    return html.Div(controls, className="filters", role="group", **{"aria-label": words.say("filters")})


def _select(
    name: str,
    label: str,
    data: Sequence[Mapping[str, str]],
    value: str | None,
    *,
    placeholder: str = "",
    searchable: bool = False,
) -> Any:
    return dmc.Select(
        id=f"filter-{name}",
        data=list(data),
        value=value,
        placeholder=placeholder,
        searchable=searchable,
        openOnFocus=False,  # after a choice the focus comes back here, and the list stays closed
        clearable=bool(placeholder),
        allowDeselect=False,
        size="xs",
        w=170 if name == "start" else 150,
        comboboxProps={"width": 220, "position": "bottom-start"},
        nothingFoundMessage="–",
        maxDropdownHeight=320,
        limit=500,
        **{"aria-label": label},
    )


def notice(title: str, text: str, command: str = "", *, language: str = "en", details: str = "") -> Any:
    """A page that has no numbers to show, and says what to do."""
    return html.Main(
        [
            html.H1(title),
            html.P(text),
            html.Pre(command) if command else None,
            html.P(details, className="note") if details else None,
        ],
        className="notice",
        id="content",
        lang=language,
    )
