"""What `zeven doctor` says of a Pipedrive company.

Belongs here: the token, the fields that the settings name, what a plan or a user may lack. Does not belong
here: reading records (`pipedrive.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import duckdb

from orchestration.errors import ZevenError
from orchestration.ingest.crm.diagnosis import Diagnosis, of_budget, of_variables
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.pipedrive import GOALS, WITHOUT, PipedriveReader, open_reader, variable
from orchestration.ingest.crm.pipedrive_pages import whole_list
from orchestration.ingest.crm.session import Patience
from orchestration.settings import Settings
from orchestration.warehouse import Warehouse


def diagnose(settings: Settings, source_name: str) -> Iterator[Diagnosis]:
    """Four questions, some 50 tokens. Pipedrive hides no fields from a token: nothing to say of them."""
    name = variable(source_name)
    yield from of_variables([name])
    if not os.environ.get(name, "").strip():
        return
    reader = open_reader(settings, source_name, Patience(attempts=2, total=10))
    me = reader.client.get("api/v1/users/me").json().get("data") or {}
    yield Diagnosis("credential", "ok", f"the token of user {me.get('id')} works")
    told = ", ".join(f"{part} is {code}" for part, code in reader.parts.items())
    yield Diagnosis("fields", "ok", told)
    for about, path, params in (("goals", "api/v1/goals/find", GOALS), ("teams", "api/v1/legacyTeams", {})):
        if whole_list(reader.client, path, **params) is None:
            message = f"{about} may not be read, or the plan has none: {WITHOUT[about]}."
            yield Diagnosis(about, "warning", message)
        else:
            yield Diagnosis(about, "ok", "may be read")
    known = _recall(settings, source_name, reader)
    budget = reader.session.budget
    what = "tokens of today" if known else "tokens of a day, not counting what earlier runs of today took,"
    yield of_budget(budget.left, budget.allowed, what)


def _recall(settings: Settings, source_name: str, reader: PipedriveReader) -> bool:
    """Whether the working database could be asked what earlier runs have spent: a run may be at work."""
    try:
        with Warehouse(settings, wait_seconds=0).connect(read_only=True) as con:
            reader.recall_budget(
                Landing(con, "raw_pipedrive", source_name, datetime.now(UTC), settings.paths.warehouse)
            )
    except duckdb.CatalogException:  # there was no run yet
        return True
    except (ZevenError, duckdb.Error):
        return False
    return True
