"""The floor of the benchmarks and the pipeline make the same tables of the same export.

Belongs here: a whole company, made by both. Does not belong here: how long it takes (`make bench`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.company import Size
from benchmarks.trial import make_trial

pytestmark = pytest.mark.slow


def test_the_floor_and_a_release_are_the_same_cell_by_cell(tmp_path: Path) -> None:
    trial = make_trial(tmp_path, Size(leads=2_000, reps=12))
    trial.begin()
    trial.run()
    trial.run_floor()
    assert trial.differences() == []
