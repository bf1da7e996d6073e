"""What `zeven doctor` says of a CRM: the credential, what it may read, and what is left of the budget.

Belongs here: the shape of a diagnosis, and the sentences that all CRMs share. Does not belong here: asking a
CRM (its module's `diagnose`), or how a diagnosis is shown (`commands/doctor.py`).
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from orchestration.ingest.crm.objects import Object

_LITTLE = 0.1
"""Part of a day's budget below which it may not last for the next run."""


@dataclass(frozen=True)
class Diagnosis:
    """One look. `about` is what was looked at (`credential`, `lead`, `budget`); `advice` is what to do, empty
    where nothing is. Neither may hold a secret, nor anything of a record."""

    about: str
    verdict: Literal["ok", "warning", "wrong"]
    message: str
    advice: str = ""


def of_variables(names: Collection[str]) -> Iterator[Diagnosis]:
    """Whether the environment variables are there: named, never shown."""
    missing = [name for name in names if not os.environ.get(name, "").strip()]
    if missing:
        message = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not in the environment."
        yield Diagnosis(
            "credential", "wrong", message, "Set it where the run is started; never in zeven.toml."
        )
    else:
        yield Diagnosis("credential", "ok", f"{' and '.join(names)} in the environment")


def of_fields(
    object_: Object, readable: Collection[str] | None, costs: Mapping[str, str] | None = None
) -> Diagnosis:
    """Which of the declared fields may be read; `readable` is None where the object itself may not.

    `costs` says what goes without a field, as the end of "without it": `{"ConvertedDate": "no lead counts as
    converted"}`; under `""` what goes without the object. A field without an entry only loses its own column.
    """
    told = costs or {}
    if readable is None:
        cost = told.get("", "nothing of it is counted")
        message = f"{object_.name} may not be read: without it, {cost}."
        return Diagnosis(object_.name, "wrong", message, "Let the user of the credential read it.")
    visible = {name.casefold() for name in readable}
    missing = [field for field in object_.fields if field.name.casefold() not in visible]
    if not missing:
        count = len(object_.fields)
        return Diagnosis(object_.name, "ok", f"{count} field{'s' if count > 1 else ''} may be read")
    parts = [f"{field.name} ({told[field.name]})" if field.name in told else field.name for field in missing]
    verdict: Literal["warning", "wrong"] = "wrong" if any(field.is_key for field in missing) else "warning"
    message = f"May not be read, or is not there: {', '.join(parts)}."
    advice = "Let the user of the credential see it, or leave it where nobody uses it."
    return Diagnosis(object_.name, verdict, message, advice)


def of_budget(left: int, whole: int, what: str = "calls of today") -> Diagnosis:
    """How much of the budget is left; `whole` may be 0 where the CRM does not tell."""
    if left <= 0:
        message = f"None of {whole:,} {what} are left." if whole else f"No {what} are left."
        return Diagnosis("budget", "wrong", message, "Wait until it is renewed; what was read is kept.")
    said = f"{left:,} of {whole:,} {what} are left" if whole else f"{left:,} {what} are left"
    if whole and left < _LITTLE * whole:
        return Diagnosis("budget", "warning", f"Only {said}.", "Run later, or see what else uses them up.")
    return Diagnosis("budget", "ok", said)
