"""One person with a browser: the first view, and changing a filter.

Belongs here: driving Chromium, and the clock within the page. Does not belong here: the server's side.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, Response, sync_playwright

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
CARDS = "[id^=card-]"
SCREEN = (1440, 900)
CLOCK = """
(() => {
  const seen = () => Array.from(document.querySelectorAll('[id^=card-]'))
    .filter((card) => card.getBoundingClientRect().height > 0);
  const text = () => seen().map((card) => card.textContent).join('|');
  const until = (condition) => new Promise((done) => {
    const look = () => condition() ? done(performance.now()) : requestAnimationFrame(look);
    look();
  });
  window.clock = {
    first: until(() => document.documentElement && seen().length === 7),
    arm() {
      const before = text(), title = document.title;
      window.clock.change = new Promise((done) => {
        document.addEventListener('click', () => {
          const began = performance.now();
          until(() => document.title !== title && seen().length === 7 && text() !== before)
            .then((ended) => done(ended - began));
        }, { capture: true, once: true });
      });
    },
  };
})();
"""
"""Frame by frame: when seven cards stand on the page, and from a click until seven other ones do."""


@dataclass(frozen=True)
class Weight:
    """Of the first view: requests, bytes as the server sends them, and as a compressing proxy would."""

    requests: int
    plain: int
    packed: int


@contextmanager
def browser() -> Iterator[Browser]:
    program = os.environ.get("ZEVEN_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=SWITCHES)
        try:
            yield started
        finally:
            started.close()


@contextmanager
def fresh_page(started: Browser) -> Iterator[Page]:
    """A page of somebody who never was here: nothing is cached."""
    context = started.new_context(viewport={"width": SCREEN[0], "height": SCREEN[1]})
    context.add_init_script(CLOCK)
    page = context.new_page()
    page.set_default_timeout(30_000)
    try:
        yield page
    finally:
        context.close()


def first_view(started: Browser, address: str) -> float:
    """Seconds from asking for the address until the seven cards are visible."""
    with fresh_page(started) as page:
        page.goto(address, wait_until="commit")
        return float(page.evaluate("window.clock.first")) / 1000


def weight(started: Browser, address: str) -> Weight:
    with fresh_page(started) as page:
        answers: list[Response] = []
        page.on("response", lambda answer: answers.append(answer))
        page.goto(address)
        page.evaluate("window.clock.first")
        page.wait_for_load_state("networkidle")
        bodies = [answer.body() for answer in answers if answer.status == 200]
    packed = sum(len(gzip.compress(body, 5)) if len(body) >= 1024 else len(body) for body in bodies)
    return Weight(len(answers), sum(map(len, bodies)), packed)


def filter_changes(started: Browser, address: str, number: int) -> list[float]:
    """Seconds from choosing a period or a team until its cards are there; no two views are alike."""
    found: list[float] = []
    with fresh_page(started) as page:
        page.goto(address)
        page.evaluate("window.clock.first")
        for turn in range(number):
            name = "start" if turn % 2 == 0 else "team"
            found.append(_choose(page, name, 1 + turn // 2))
    return found


def _choose(page: Page, name: str, position: int) -> float:
    box = page.locator(f"#filter-{name}")
    box.click()
    options = page.get_by_role("option")
    options.first.wait_for()
    option = options.nth(position % options.count())
    option.scroll_into_view_if_needed()
    page.evaluate("window.clock.arm()")
    option.click()
    return float(page.evaluate("window.clock.change")) / 1000
