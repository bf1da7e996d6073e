"""One small company with a release, one server over it, one Chromium: for all tests of the browser.

Belongs here: what is made once. Does not belong here: how (`served.py`).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from benchmarks.browser import SWITCHES
from browser.served import CHROMIUM, PATIENCE, Company, Visit, in_context, opened, serving
from demo.render_export import make_export
from orchestration.settings import PROJECT_ROOT

UNTIL = date(2026, 6, 17)
"""A Wednesday in the middle of a month: every kind of period has a running one and whole ones before it."""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    # of the package, not of the session: Playwright runs an event loop, which other tests must not meet
    assert CHROMIUM, "Chromium is required here (ZEVEN_REQUIRE_BROWSER=1) and not installed"
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        try:
            yield started
        finally:
            started.close()


@pytest.fixture(scope="package")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A demo company of two teams and eight people, with the release that the pipeline made of it."""
    made = Company(tmp_path_factory.mktemp("watched"))
    made.file.write_text(
        '[company]\nname = "Watched"\n[sources.demo]\nkind = "files"\nfolder = "demo_data"\n',
        encoding="utf-8",
    )
    make_export(made.folder / "demo_data", until=UNTIL, scale=0.4, years=2)
    command = [sys.executable, "-m", "orchestration.cli", "run", "--as-of", UNTIL.isoformat()]
    done = subprocess.run(
        [*command, "--settings", str(made.file)],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="package")
def server(company: Company) -> Iterator[str]:
    with serving(company) as address:
        yield address


@pytest.fixture(scope="package")
def usual(chromium: Browser) -> Iterator[BrowserContext]:
    """A reader who was here before: fetching the files again for each test took most of its time."""
    context = opened(chromium)
    yield context
    context.close()


@pytest.fixture
def visit(usual: BrowserContext, server: str) -> Iterator[Visit]:
    """A new page on a usual screen."""
    with in_context(usual, server) as made:
        yield made
