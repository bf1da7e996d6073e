"""What models say of how they are changed in place is about what they read."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from orchestration.settings import PROJECT_ROOT

MODELS = PROJECT_ROOT / "models"
WAYS = {"by", "touched_by", "sums_of", "linked_by", "wholes_of"}


def declared() -> dict[str, dict[str, Any]]:
    """The meta of every model that says more of it than its key."""
    found = {}
    for file in MODELS.rglob("*.yml"):
        for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models") or []:
            meta = (model.get("config") or {}).get("meta") or {}
            if WAYS & set(meta):
                found[model["name"]] = meta
    return found


def text_of(model: str) -> str:
    [file] = MODELS.rglob(f"{model}.sql")
    return file.read_text(encoding="utf-8")


def read_by(model: str) -> set[str]:
    return set(re.findall(r"ref\('(\w+)'\)", text_of(model)))


def selects(meta: dict[str, Any]) -> dict[str, str]:
    """By relation; several may share one."""
    together = {**meta.get("touched_by", {}), **meta.get("wholes_of", {})}
    return {name: select for names, select in together.items() for name in names.split(", ")}


@pytest.mark.parametrize("model", sorted(declared()))
def test_what_changes_a_model_is_what_it_reads(model: str) -> None:
    meta = declared()[model]
    assert {*selects(meta), *meta.get("sums_of", [])} <= read_by(model)
    for select in selects(meta).values():
        asked = set(re.findall(r"(?:from|join) (\w+)", select)) - {"changed", "since"}
        given = set(re.findall(r"(\w+) as \(", select))
        assert asked - given <= {*read_by(model), model}, f"{model} may only ask what it reads"


@pytest.mark.parametrize("model", sorted(name for name, meta in declared().items() if "by" in meta))
def test_time_alone_is_told_to_change_a_model_that_knows_the_run(model: str) -> None:
    meta, reads_staging = declared()[model], "union_crms(" in text_of(model)
    assert not (reads_staging and "touched_by" in meta), (
        "staging hands over what time has reached, and no more"
    )
    if "stg_zeven__run" in read_by(model) and not reads_staging:
        assert "stg_zeven__run" in meta.get("touched_by", {}), f"{model} would be compared every day"


def test_a_median_is_cut_where_the_models_say_so() -> None:
    cut = {
        file.stem for file in MODELS.rglob("*.sql") if "wholes_by_cut(" in file.read_text(encoding="utf-8")
    }
    assert cut == {name for name, meta in declared().items() if "wholes_of" in meta}


def test_what_models_say_is_read() -> None:
    macros = "".join(
        file.read_text(encoding="utf-8")
        for file in (PROJECT_ROOT / "dbt_project" / "macros").glob("patche*.sql")
    )
    assert all(f"'{way}'" in macros for way in WAYS)
