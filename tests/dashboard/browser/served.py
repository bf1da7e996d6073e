"""A company with a release, the server over it, and a page of the browser that notes what goes wrong on it.

Belongs here: what the tests of the browser share: starting, opening, looking up what a card should say. Does
not belong here: the tests, or releases made by hand (`editions.py`).
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import duckdb
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from dashboard.view import Language
from dashboard.words import KIND_OF_UNIT, NOTHING, Words
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

CHROMIUM = os.environ.get("ZEVEN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
REQUIRED = os.environ.get("ZEVEN_REQUIRE_BROWSER") == "1"
IN_A_BROWSER = [
    pytest.mark.xdist_group("browser"),
    pytest.mark.skipif(
        not CHROMIUM and not REQUIRED,
        reason="Chromium is not installed; ZEVEN_REQUIRE_BROWSER=1 makes that a failure",
    ),
]
"""The marks of every module here: one server and one browser are enough for all of them."""

SECONDS = 60
"""Longest wait for the server to be there."""
PATIENCE = 15_000
"""Longest wait for the page to show what it should, in milliseconds."""
SCREEN = (1440, 900)
SLUGS = (
    "number_of_leads",
    "lead_response_time",
    "number_of_follow_ups",
    "conversion_ratio",
    "target_attainment",
    "open_pipeline",
    "closed_sales",
)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Company:
    """Settings, warehouse and releases in a folder."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "zeven.toml"

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.file, environ={})

    def rows(self, sql: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """Of the release that serves, asked beside the dashboard."""
        database = self.folder / "published" / "current" / "zeven.duckdb"
        with duckdb.connect(str(database), read_only=True) as con:
            return con.execute(sql, list(values)).fetchall()

    @property
    def release_id(self) -> str:
        return (self.folder / "published" / "current").readlink().name

    def words(self, language: Language = "en") -> Words:
        company = self.settings.company
        return Words(language, company.currency, company.time_zone)

    def cards(
        self,
        *,
        period_type: str = "month",
        start: str | None = None,
        team: str | None = None,
        rep: str | None = None,
        language: Language = "en",
    ) -> dict[str, str]:
        """What the seven cards should say; of the newest period where no start is given."""
        level = "rep" if rep else "team" if team else "company"
        found = self.rows(
            "select kpi, unit, value from kpi_scorecard where period_type = $1 and level = $2 "
            "and ($3::varchar is null or team_id = $3) and rep_id is not distinct from $4 "
            "and period_start = coalesce($5::date, (select max(period_start) from kpi_scorecard "
            "where period_type = $1))",
            period_type, level, team, rep, start,
        )  # fmt: skip
        words = self.words(language)
        assert found, "the release has this view"
        told = {slug: words.value(value, KIND_OF_UNIT[unit]) for slug, unit, value in found}
        return {slug: told.get(slug, NOTHING) for slug in SLUGS}  # targets are not of a week

    def starts(self, period_type: str) -> list[str]:
        """First days of its periods, the newest first."""
        found = self.rows(
            "select distinct period_start from kpi_scorecard where period_type = ? order by 1 desc",
            period_type,
        )
        return [day.isoformat() for (day,) in found]

    def pages(self) -> dict[str, str]:
        """Every kind of page by the title of its test: its path."""
        (rep,) = self.rows("select min(rep_id) from dim_reps where team_id <> 'unassigned' and is_active")[0]
        return {
            "overview": "/",
            **{slug: f"/metric/{slug}" for slug in SLUGS},
            "rep": f"/rep/{quote(rep, safe='')}",
            "findings": "/findings",
            "not_found": "/nowhere",
        }


@contextmanager
def serving(company: Company) -> Iterator[str]:
    """The server as a user starts it; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "orchestration.cli", "dashboard", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--settings", str(company.file)], cwd=PROJECT_ROOT, stdout=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + SECONDS
        while not _is_up(port):
            assert process.poll() is None, "the server stopped"
            assert time.monotonic() < end, "the server did not come up"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)


def _is_up(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


@dataclass
class Visit:
    """A page of somebody who reads `server`. `trouble` is what went wrong on it, in the browser's words."""

    page: Page
    server: str
    trouble: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.trouble.append(f"page error: {error}"))
        self.page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.trouble.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.server}/", "data:")):
            self.trouble.append(f"a request left for {request.url}")

    def open(self, path: str) -> None:
        self.page.goto(self.server + path)
        self.is_drawn()

    def is_drawn(self) -> None:
        """The page stands, and each of its charts has drawn something."""
        expect(self.page.locator("main#content h1").first).to_be_attached()
        for chart in self.page.locator("main figure").all():
            expect(chart.locator(".recharts-bar-rectangle, .recharts-curve").first).to_be_attached()

    def shows(self, cards: Mapping[str, str]) -> None:
        """The seven cards say just this, within a moment."""
        for slug, value in cards.items():
            expect(self.page.locator(f"#card-{slug} .card-value")).to_have_text(value)

    def cards(self) -> dict[str, str]:
        """What the seven cards say now."""
        return {slug: self.page.locator(f"#card-{slug} .card-value").inner_text() for slug in SLUGS}

    def asks(self, **values: str | None) -> None:
        """The address has these values, within a moment; None: it has no such name."""
        for name, value in values.items():
            if value is None:
                expect(self.page).not_to_have_url(re.compile(rf"[?&]{name}="))
            else:
                written = re.escape(quote(value, safe=""))
                expect(self.page).to_have_url(re.compile(rf"[?&]{name}={written}(&|$)"))

    def asked(self, name: str) -> str | None:
        return parse_qs(urlsplit(self.page.url).query).get(name, [None])[0]

    def choose(self, name: str, text: str) -> None:
        """Take an entry of a filter by what it is called."""
        self.page.locator(f"#filter-{name}").click()
        self.page.get_by_role("option", name=text, exact=True).click()

    def violations(self, **options: Any) -> list[str]:
        """What axe finds serious or critical: rule, and where."""
        answer = Axe().run(self.page, options={"resultTypes": ["violations"], **options}).response
        assert answer["passes"], "axe looked at something"
        return [
            f"{found['id']}: {node['target']} {node['html'][:200]}"
            for found in answer["violations"]
            if found["impact"] in ("serious", "critical")
            for node in found["nodes"]
        ]

    def names_release(self, release_id: str) -> None:
        """The page says so where a reader looks, and where its script does, within a moment."""
        expect(self.page.locator(".as-of")).to_have_attribute("title", re.compile(f" {release_id}$"))
        expect(self.page.locator("#release")).to_have_text(release_id)


def opened(chromium: Browser, screen: tuple[int, int] = SCREEN, **context: Any) -> BrowserContext:
    """A reader who never was here, with a screen."""
    width, height = screen
    # without reduced motion a picture or a colour may be looked at on its way to another one
    return chromium.new_context(
        viewport={"width": width, "height": height}, **{"reduced_motion": "reduce", **context}
    )


@contextmanager
def in_context(context: BrowserContext, server: str) -> Iterator[Visit]:
    """A new page of a reader; nothing may have gone wrong on it in the end."""
    visit = Visit(context.new_page(), server)
    try:
        yield visit
        assert visit.trouble == []
    finally:
        visit.page.close()


@contextmanager
def visiting(
    chromium: Browser, server: str, screen: tuple[int, int] = SCREEN, **context: Any
) -> Iterator[Visit]:
    """A page of somebody who never was here."""
    reader = opened(chromium, screen, **context)
    try:
        with in_context(reader, server) as visit:
            yield visit
    finally:
        reader.close()
