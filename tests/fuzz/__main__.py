"""`python -m tests.fuzz SECONDS [TARGET ...]`: look for inputs that break a target, until the time is over.

Belongs here: dividing the time, and showing what was found. Does not belong here: the targets (`targets.py`).

Each round draws from a seed of its own, which is shown with what it found; what is found becomes a case of
`tests/corpus`. The input at work is noted beforehand, for a crash that takes the whole process.
"""

from __future__ import annotations

import faulthandler
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from tests.fuzz.targets import targets

ROUND = 50
"""Inputs of a round; the time is looked at after each round."""
NOTE = Path(".hypothesis") / "fuzz-last-input.txt"


def examine(name: str, seed_of_round: int, count: int = ROUND, *, note: bool = False) -> int:
    """One round of a target; how many inputs it saw. Raises what an input came to."""
    strategy, holds = targets()[name]
    seen = 0

    def target(value: Any) -> None:
        nonlocal seen
        seen += 1
        if note:
            NOTE.write_text(
                f"{name} {seed_of_round}\n{value!r}\n", encoding="utf-8", errors="backslashreplace"
            )
        holds(value)

    quiet = settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    run: Callable[[], None] = seed(seed_of_round)(quiet(given(strategy)(target)))
    run()
    return seen


def main(arguments: list[str]) -> int:
    seconds = float(arguments[0]) if arguments else 60.0
    names = arguments[1:] or list(targets())
    faulthandler.enable()
    NOTE.parent.mkdir(exist_ok=True)
    found = 0
    for position, name in enumerate(names):
        end = time.monotonic() + seconds / len(names)
        seen = rounds = 0
        while time.monotonic() < end:
            seed_of_round = random.SystemRandom().randrange(2**32)
            rounds += 1
            try:
                seen += examine(name, seed_of_round, note=True)
            except Exception:
                found += 1
                print(f"{name}, seed {seed_of_round}:\n{traceback.format_exc()}", flush=True)
        print(f"{name:<12} {seen:>7,} inputs in {rounds} rounds ({position + 1} of {len(names)})", flush=True)
    print(f"{found} found" if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
