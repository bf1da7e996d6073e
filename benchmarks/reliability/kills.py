"""Kill -9 at random moments of a run and at named ones, and what the next run makes of it.

Belongs here: killing, and comparing with the undisturbed run. Does not belong here: other faults.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.reliability.company import Company, Digest
from orchestration.publish import catalogue

BOUNDARIES = (
    "reading demo.leads",
    "reading demo.exchange_rates",
    "building stg_files__leads",
    "building fct_leads",
    "building kpi_scorecard",
    "checking data tests",
    "checking kpi_closed_sales",
    "publishing dim_accounts",
    "publishing kpi_closed_sales",
    "publishing release",
)
"""A run is killed as soon as it tells of one of these; `release` is the last line, after the switch."""


@dataclass(frozen=True)
class Undisturbed:
    """What an undisturbed run makes of the waiting company, and how long it takes."""

    before: Digest
    after: Digest
    loaded: Digest
    seconds: float


@dataclass(frozen=True)
class Killed:
    """`wrong` is empty where everything held."""

    moment: str
    died_in: str
    switched: bool
    wrong: tuple[str, ...]


def undisturbed(template: Company, folder: Path) -> Undisturbed:
    company = template.copy(folder)
    before = company.published()
    ended = company.run()
    assert ended.code == 0, ended.said
    found = Undisturbed(before, company.published(), company.loaded(), ended.seconds)
    company.remove()
    return found


def moments(number: int, seconds: float, seed: int) -> Iterator[float | str]:
    """Every boundary, then `number` random seconds of a run's length."""
    yield from BOUNDARIES
    rng = random.Random(seed)
    for _ in range(number):
        yield rng.uniform(0, seconds * 1.02)


def kill(template: Company, calm: Undisturbed, moment: float | str, folder: Path) -> Killed:
    company = template.copy(folder)
    died_in = _run_until(company, moment)
    wrong = []
    served = company.published()
    switched = served == calm.after
    if served not in (calm.before, calm.after):
        wrong.append("after the kill the release that serves is neither the old nor the new one")
    wrong += [f"damaged by the kill: {sentence}" for sentence in catalogue.damaged(company.settings).values()]
    again = company.run()
    if again.code != 0:
        wrong.append(f"the next run ended with {again.code}: {again.sentence}")
    else:
        wrong += _differences("published", company.published(), calm.after)
        wrong += _differences("loaded", company.loaded(), calm.loaded)
        wrong += [f"damaged: {sentence}" for sentence in catalogue.damaged(company.settings).values()]
        wrong += [f"left behind: {name}" for name in company.leftovers()]
    company.remove()
    told = moment if isinstance(moment, str) else f"{moment:.2f} s"
    return Killed(told, died_in, switched, tuple(wrong))


def _run_until(company: Company, moment: float | str) -> str:
    """Start a run and kill it with all it started; the last it told."""
    process = company.start()
    assert process.stdout is not None

    def strike() -> None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    timer = threading.Timer(moment, strike) if isinstance(moment, float) else None
    if timer:
        timer.start()
    last = "start"
    for line in process.stdout:
        words = " ".join(line.split())
        if words:
            last = words
        if isinstance(moment, str) and _is_there(words, moment):
            strike()
            break
    process.wait()
    process.stdout.close()
    if timer:
        timer.cancel()
    return " ".join(last.split()[:2])


def _is_there(words: str, moment: str) -> bool:
    if moment == "publishing release":
        return words.startswith("Release ")
    return words.startswith(moment)


def _differences(what: str, found: Digest, expected: Digest) -> list[str]:
    names = sorted({*found, *expected})
    return [
        f"{what} {name}: {found.get(name, ('none',))[0]} rows, {expected.get(name, ('none',))[0]} expected"
        for name in names
        if found.get(name) != expected.get(name)
    ]
