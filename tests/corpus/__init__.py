"""Damaged and hostile exports, each with what must come of it.

Belongs here: the list of all cases. Does not belong here: a case (the modules by kind of damage), or loading
them (`tests/unit/test_corpus.py`).
"""

from __future__ import annotations

from tests.corpus import columns, encodings, json_lines, kinds, lines, names, parquet, races, sizes, values
from tests.corpus.case import Case, Refused, Rows

__all__ = ["CASES", "Case", "Refused", "Rows"]

CASES: tuple[Case, ...] = (
    *lines.CASES,
    *encodings.CASES,
    *columns.CASES,
    *values.CASES,
    *json_lines.CASES,
    *parquet.CASES,
    *kinds.CASES,
    *names.CASES,
    *races.CASES,
    *sizes.CASES,
)
