"""How long the queries of a dashboard take on a release: one reader alone, and fifty at once.

Belongs here: which queries pages ask, and timing them on the release itself. Does not belong here: making
pages of the answers and serving them (`viewers.py`).

The queries are those that the pages really ask for random views, taken down while the pages are made. Each
is then asked again of the release, past what the dashboard remembers, as if nobody had asked it before.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.viewers import Times, outline, random_search
from dashboard.app import render
from dashboard.pages.metric import PANELS
from dashboard.releases import Row, Shelf
from orchestration.errors import ZevenError
from orchestration.settings import Settings

READERS = 50
VIEWS = 40
"""Of each kind of page; every reader asks for some of all of them, in an order of its own."""
READING = 5.0
"""Seconds that a reader looks at a page, on average, before the queries of the next one are asked."""
PAGES_READ = 8

Query = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Reading:
    alone: Times
    crowd: Times
    per_view: float
    """Queries of one view, on average."""


def read(
    settings: Settings, readers: int = READERS, reading: float = READING, views_of_a_kind: int = VIEWS
) -> Reading:
    """Time the queries of random views on the release that serves."""
    views = queries_of_views(settings, views_of_a_kind)
    release = Shelf(settings).current()
    assert release is not None
    alone: list[float] = []
    _ask(release._rows, views[0], [])  # the first answer also opens the file
    for view in views:
        _ask(release._rows, view, alone)
    crowd: list[float] = []

    def look(number: int) -> None:
        rng = random.Random(number)
        for view in rng.choices(views, k=PAGES_READ):
            time.sleep(rng.expovariate(1 / reading))
            _ask(release._rows, view, crowd)

    people = [threading.Thread(target=look, args=(number,)) for number in range(readers)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    asked = sum(map(len, views))
    return Reading(Times(tuple(alone)), Times(tuple(crowd)), asked / len(views))


def queries_of_views(settings: Settings, views: int, seed: int = 7) -> list[list[Query]]:
    """The queries of `views` random views of each kind of page."""
    rng, known = random.Random(seed), outline(settings)
    addresses = [f"/metric/{rng.choice(sorted(PANELS))}" for _ in range(views)]
    addresses += [f"/rep/{rng.choice(sorted(known.reps))}" for _ in range(views)]
    addresses += ["/"] * views
    return [_queries(settings, address, random_search(rng, known)) for address in addresses]


def _queries(settings: Settings, address: str, search: str) -> list[Query]:
    """What the page of one address asks, each query once; made on a release that remembers nothing yet."""
    shelf = Shelf(settings)
    release = shelf.current()
    assert release is not None
    asked: list[Query] = []
    answer = release.rows

    def listen(sql: str, **parameters: Any) -> tuple[Row, ...]:
        if (query := (sql, parameters)) not in asked:
            asked.append(query)
        return answer(sql, **parameters)

    release.rows = listen  # type: ignore[assignment]  # as a cached one is called
    _, state = render(settings, shelf, address, search, {})
    if not state["release"]:
        raise ZevenError(f"The page {address}{search} could not be made: {state['title']}.")
    return asked


def _ask(answer: Callable[..., Any], queries: Sequence[Query], seconds: list[float]) -> None:
    for sql, parameters in queries:
        began = time.perf_counter()
        answer(sql, **parameters)
        seconds.append(time.perf_counter() - began)
