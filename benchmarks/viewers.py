"""Fifty people who look at once, as plain HTTP clients.

Belongs here: the requests that a browser sends for a page, and how long their answers take. Does not belong
here: what a browser does with an answer (`browser.py`).
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from benchmarks.served import Server
from dashboard import data
from dashboard.releases import Shelf
from dashboard.view import Outline
from orchestration.settings import Settings

PERIODS_BACK = 18
"""People look at what was lately."""


@dataclass(frozen=True)
class Times:
    """Seconds of every answer, in any order."""

    seconds: tuple[float, ...]

    def percentile(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


@dataclass(frozen=True)
class Load(Times):
    """Seconds per view, oldest first; `bytes` of all answers; `cpu` seconds of the server per view."""

    errors: int
    wall: float
    cpu: float
    size: float

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.wall


def outline(settings: Settings) -> Outline:
    release = Shelf(settings).current()
    assert release is not None
    return data.outline(release)


def random_search(rng: random.Random, known: Outline) -> str:
    """The filters of one view: a recent period, half of them a team or a rep, some a source."""
    kind = rng.choice(sorted(known.periods))
    asked = {"period": kind, "start": rng.choice(known.periods[kind][-PERIODS_BACK:]).start.isoformat()}
    whose = rng.random()
    if whose < 0.25:
        asked["team"] = rng.choice(sorted(known.teams))
    elif whose < 0.5:
        asked["rep"] = rng.choice(sorted(known.reps))
    if rng.random() < 0.2:
        asked["source"] = rng.choice(known.sources)
    return "?" + urlencode(asked)


def callback(pathname: str, search: str) -> bytes:
    """What a browser posts to get a page."""
    return json.dumps(
        {
            "output": "..root.children...state.data..",
            "outputs": [{"id": "root", "property": "children"}, {"id": "state", "property": "data"}],
            "inputs": [
                {"id": "url", "property": "pathname", "value": pathname},
                {"id": "url", "property": "search", "value": search},
            ],
            "changedPropIds": ["url.search"],
            "parsedChangedPropsIds": ["url.search"],
        }
    ).encode()


def crowd(
    server: Server, known: Outline, *, viewers: int, views: int, reading: float = 0.0, seed: int = 7
) -> Load:
    """Every viewer asks for `views` pages and looks at each for `reading` seconds on average.

    With 0 one page is asked for as soon as the one before is there: nobody stops to read.
    """
    start = threading.Barrier(viewers + 1)
    seconds: list[float] = []
    sizes: list[int] = []
    errors: list[Any] = []

    def look(number: int) -> None:
        rng = random.Random(seed * 1000 + number)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        bodies = [callback("/", random_search(rng, known)) for _ in range(views)]
        start.wait()
        for body in bodies:
            if reading:
                time.sleep(rng.expovariate(1 / reading))
            began = time.perf_counter()
            try:
                connection.request(
                    "POST", "/_dash-update-component", body, {"Content-Type": "application/json"}
                )
                answer = connection.getresponse()
                size = len(answer.read())
                if answer.status != 200 or size < 10_000:
                    errors.append((answer.status, size))
            except (OSError, http.client.HTTPException) as error:
                errors.append(error)
                connection.close()
                continue
            seconds.append(time.perf_counter() - began)
            sizes.append(size)
        connection.close()

    people = [threading.Thread(target=look, args=(number,)) for number in range(viewers)]
    for person in people:
        person.start()
    start.wait()
    began, cpu = time.perf_counter(), server.cpu_seconds()
    for person in people:
        person.join()
    wall = time.perf_counter() - began
    done = max(len(seconds), 1)
    return Load(tuple(seconds), len(errors), wall, (server.cpu_seconds() - cpu) / done, sum(sizes) / done)
