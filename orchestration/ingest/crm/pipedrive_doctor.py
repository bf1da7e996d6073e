"""What `zeven doctor` says of a Pipedrive company.

Belongs here: the token, the fields that the settings name, what a plan or a user may lack. Does not belong
here: reading records (`pipedrive.py`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from orchestration.ingest.crm.diagnosis import Diagnosis, of_budget, of_variables
from orchestration.ingest.crm.pipedrive import GOALS, WITHOUT, open_reader, variable
from orchestration.ingest.crm.pipedrive_pages import whole_list
from orchestration.ingest.crm.session import Patience
from orchestration.settings import Settings


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
    budget = reader.session.budget
    yield of_budget(budget.left, budget.allowed, "tokens of a day, as far as this look knows,")
