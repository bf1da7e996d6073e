"""The dashboard as a web application: an address comes in, a page of one release goes out.

Belongs here: routes, callbacks, the headers of an answer, what happens when something is missing. Does not
belong here: pages (`pages/`), queries (`data.py`), or starting a server (`serve.py`).
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dash
import flask
from dash import Input, Output, State, dcc, html

from dashboard import data, view
from dashboard.access import NotAdmittedError, Reader, reader
from dashboard.pages import findings, metric, overview, rep
from dashboard.pages.page import Page, Source
from dashboard.releases import Failure, Release, Shelf
from dashboard.ui import panels, shell
from dashboard.ui.packed import Answer, Kept
from dashboard.ui.tables import rows_as_table
from dashboard.viewmodel.parts import Panel
from dashboard.words import Words
from orchestration.errors import ZevenError
from orchestration.settings import Settings

log = logging.getLogger("zeven.dashboard")
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' {hashes}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "SAMEORIGIN",
}
"""Styles are Mantine's, which writes them into the page; scripts are our files, or known by their hash."""
PAGES = {
    (): overview.build,
    ("metric",): metric.build,
    ("rep",): rep.build,
    ("findings",): findings.build,
}


def create_app(settings: Settings) -> dash.Dash:
    """The application, with the release not yet opened: it starts before any release exists."""
    shelf = Shelf(settings)
    app = _Application(
        "zeven",
        title="Zeven",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        serve_locally=True,
        suppress_callback_exceptions=True,
        add_log_handler=False,
    )
    app.layout = shell.provider(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="state"),
            html.Div(id="root"),
            html.Div(id="release", hidden=True),
        ]
    )
    _callbacks(app, settings, shelf)
    _routes(app, settings, shelf)
    return app


class _Application(dash.Dash):
    """Dash, without its polyfill for browsers of before 2017, which took a tenth of the first view."""

    def interpolate_index(self, **parts: Any) -> str:
        lines = str(parts["scripts"]).splitlines()
        parts["scripts"] = "\n".join(line for line in lines if "/deps/polyfill@" not in line)
        return str(super().interpolate_index(**parts))


def _callbacks(app: dash.Dash, settings: Settings, shelf: Shelf) -> None:
    kept = Kept()

    @app.callback(
        Output("root", "children"), Output("state", "data"), Input("url", "pathname"), Input("url", "search")
    )
    def show(pathname: str | None, search: str | None) -> Answer:
        return render(settings, shelf, pathname, search, dict(flask.request.headers), kept)

    app.clientside_callback(
        "window.dash_clientside.zeven.address",
        Output("url", "search"),
        *[Input(f"filter-{name}", "value") for name in shell.FILTERS],
        State("shown", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    app.clientside_callback(
        "window.dash_clientside.zeven.around", Output("release", "children"), Input("state", "data")
    )


def render(
    settings: Settings,
    shelf: Shelf,
    pathname: str | None,
    search: str | None,
    headers: Mapping[str, str],
    kept: Kept | None = None,
) -> Answer:
    """(the page, what the browser must know of it) for an address; never raises for what an address says.

    With `kept` a page of numbers is packed, and comes from there when it was asked for before.
    """
    asked = view.read(pathname, search)
    language = view.language_of(asked, settings.dashboard.language)
    words = Words(language, settings.company.currency, settings.company.time_zone)
    try:
        who = reader(headers, settings.dashboard)
    except NotAdmittedError as error:
        return _notice(words, "forbidden", user=str(error) or "?"), _state(words, "forbidden")
    try:
        release = shelf.current()
        if release is None:
            failure = shelf.failure()
            told = (
                f"{_when(words, failure)} {failure.message}".strip() if failure and who.rep_id is None else ""
            )
            return (
                _notice(words, "no_release", command=".venv/bin/zeven run", details=told),
                _state(words, "no_release"),
            )
        return _page(settings, shelf, release, asked, who, kept)
    except ZevenError as error:
        log.error("%s", error)
        return _notice(words, "trouble"), _state(words, "trouble")
    except Exception:
        log.exception("The page %s could not be made.", "/".join(asked.path))
        return _notice(words, "trouble"), _state(words, "trouble")


def _page(
    settings: Settings, shelf: Shelf, release: Release, asked: view.Asked, who: Reader, kept: Kept | None
) -> Answer:
    source = _source(settings, release, asked, who)
    if source is None:
        words = Words(settings.dashboard.language, release.currency, release.time_zone)
        return _notice(words, "no_release", command=".venv/bin/zeven run"), _state(words, "no_release")
    words = source.words
    banner = _banner(words, shelf.failure(), tell=who.rep_id is None)
    stale = _stale(words, release, settings.release.max_age_hours)

    def made() -> Answer:
        return _made(source, who, banner, stale)

    # all that a page follows from: a release never changes
    return kept((release.release_id, source.view, who.rep_id, banner, stale), made) if kept else made()


def _made(source: Source, who: Reader, banner: str, stale: str) -> Answer:
    words, shown, release = source.words, source.view, source.release
    page = make(source) if who.may_open(shown.path) else None
    if page is None:
        body = [
            html.H1(words.say("not_found")),
            html.P(words.say("not_found_hint")),
        ]
        title = words.say("not_found")
    else:
        body, title = page.body(_drawer(source)), page.title
    framed = shell.frame(
        body,
        view=shown,
        words=words,
        outline=source.outline,
        names={slug: words.of_catalog(row, "name") for slug, row in source.catalog.items()},
        release=words.say("release", release=release.release_id),
        as_of=words.say("as_of", moment=words.moment(release.as_of)),
        stale=stale,
        banner=banner,
        may_roam=who.rep_id is None,
    )
    state = {
        "language": shown.language,
        "title": f"{title} · {source.subject()} · Zeven",
        "release": release.release_id,
    }
    return framed, state


def _source(settings: Settings, release: Release, asked: view.Asked, who: Reader) -> Source | None:
    """The view that is asked for, on this release; a rep who asks for the front page gets the own one."""
    if who.rep_id is not None and not asked.path:
        asked = view.Asked(**{**asked.__dict__, "path": who.home()})
    outline = data.outline(release)
    shown = view.resolve(asked, outline, settings.dashboard.language)
    if shown is None:
        return None
    words = Words(shown.language, release.currency, release.time_zone)
    return Source(release, shown, outline, words, data.catalog(release), may_roam=who.rep_id is None)


def make(source: Source) -> Page | None:
    """The page of the view's path; None where there is none."""
    path = source.view.path
    if path in PAGES and path not in (("metric",), ("rep",)):
        return PAGES[path](source)
    if len(path) == 2 and path[:1] in PAGES and path[0] in ("metric", "rep"):
        known = source.catalog if path[0] == "metric" else source.outline.reps
        return PAGES[path[:1]](source) if path[1] in known else None
    return None


def _drawer(source: Source) -> Any:
    address = urlsplit(source.view.href())

    def draw(panel: Panel, height: int = 190) -> Any:
        about = source.words.of_catalog(source.catalog[panel.slug], "definition") if panel.slug else None
        csv_link, table_link = (
            panels.rows_address(kind, address.path, address.query, panel.id, source.release.release_id)
            for kind in ("csv", "table")
        )
        is_all = source.view.source is not None and not panel.by_source
        note = source.words.say("all_sources_note") if is_all else ""
        return panels.panel(
            panel, source.words, about=about, csv=csv_link, rows=table_link, height=height, note=note
        )

    return draw


def _notice(words: Words, key: str, *, command: str = "", details: str = "", **values: Any) -> Any:
    return shell.notice(
        words.say(key), words.say(f"{key}_hint", **values), command, language=words.language, details=details
    )


def _state(words: Words, key: str) -> dict[str, Any]:
    return {"language": words.language, "title": f"{words.say(key)} · Zeven", "release": ""}


def _stale(words: Words, release: Release, limit: int) -> str:
    age = (datetime.now(UTC) - release.created_at).total_seconds() / 3600
    return words.say("stale_release", age=words.count(int(age)), limit=limit) if age > limit else ""


def _banner(words: Words, failure: Failure | None, *, tell: bool) -> str:
    """That the newest run failed, and since when; why, for those who may see everything."""
    if failure is None:
        return ""
    since = words.say("failure_since", moment=_when(words, failure)) if failure.when else ""
    said = words.say("failure", since=since)
    return f"{said} {failure.message}" if tell and failure.message else said


def _when(words: Words, failure: Failure) -> str:
    return words.moment(failure.when) if failure.when else ""


def _routes(app: dash.Dash, settings: Settings, shelf: Shelf) -> None:
    server: flask.Flask = app.server

    @server.get("/healthz")
    def health() -> tuple[dict[str, Any], int]:
        """For a supervisor: whether pages can be made, and of which release."""
        try:
            release = shelf.current()
        except ZevenError as error:
            return {"status": "damaged", "message": str(error)}, 503
        return {"status": "ok", "release": release.release_id if release else None}, 200

    @server.get("/csv", strict_slashes=False)  # a redirect would name http, whatever the proxy speaks
    @server.get("/csv/<path:pathname>")
    def rows_as_csv(pathname: str = "") -> flask.Response:
        return _rows(settings, shelf, pathname, _csv)

    @server.get("/table", strict_slashes=False)
    @server.get("/table/<path:pathname>")
    def rows_as_table(pathname: str = "") -> flask.Response:
        return _rows(settings, shelf, pathname, _table)

    @server.after_request
    def protect(response: flask.Response) -> flask.Response:
        hashes = " ".join(f"'{value}'" if not value.startswith("'") else value for value in _hashes(app))
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value.format(hashes=hashes))
        if response.mimetype in ("text/html", "application/json", "text/csv"):
            response.headers["Cache-Control"] = "no-store"
        return response


def _hashes(app: dash.Dash) -> list[str]:
    """Of the scripts that Dash writes into the page."""
    if "zeven_hashes" not in app.server.config:
        app.server.config["zeven_hashes"] = app.csp_hashes()
    return list(app.server.config["zeven_hashes"])


def _rows(
    settings: Settings, shelf: Shelf, pathname: str, answer: Callable[[Source, Panel], flask.Response]
) -> flask.Response:
    """The rows of one panel of a page, of the release that the page showed."""
    query = flask.request.query_string.decode("utf-8", "replace")
    asked = view.read(pathname, query)
    try:
        who = reader(dict(flask.request.headers), settings.dashboard)
    except NotAdmittedError:
        flask.abort(403)
    try:
        release = shelf.by_id(flask.request.args.get("release", ""))
    except ZevenError as error:
        log.error("%s", error)
        return flask.Response("This release is damaged.\n", status=503, mimetype="text/plain")
    if release is None:
        return flask.Response(
            "This release is no longer kept. Load the page again for the newest numbers.\n",
            status=410,
            mimetype="text/plain",
        )
    source = _source(settings, release, asked, who)
    if source is None or not who.may_open(source.view.path):
        flask.abort(403 if source else 404)
    page = make(source)
    wanted = flask.request.args.get("panel", "")
    panel = next((panel for panel in page.panels if panel.id == wanted), None) if page else None
    if panel is None:
        flask.abort(404)
    return answer(source, panel)


def _csv(source: Source, panel: Panel) -> flask.Response:
    """As they are published, with the keys of the columns as the first line.

    A period is named by its first day: on the page it has the name that fits an axis.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    dated = panel.rows and "period_start" in panel.rows[0]
    keys = ["period_start" if dated and column.key == "period" else column.key for column in panel.columns]
    writer.writerow(keys)
    for row in panel.rows:
        writer.writerow([_harmless(row.get(key)) for key in keys])
    name = f"{panel.id}_{source.view.period.start.isoformat()}.csv"
    return flask.Response(
        "\ufeff" + text.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _table(source: Source, panel: Panel) -> flask.Response:
    """As the page writes them."""
    return flask.Response(rows_as_table(panel, source.words), mimetype="text/html")


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is written as the text it is."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
