"""What a run says of an object that is not there: refused, told with its cost, or passed over.

Belongs here: that decision, for CRMs and for tables that others have loaded. Does not belong here: what
`zeven doctor` says (`diagnosis.py`), or finding out that an object is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestration.errors import SourceError
from orchestration.ingest.crm.landing import Landing


def tell_absent(
    name: str,
    landing: Landing,
    *,
    required: Collection[str],
    quiet: Collection[str],
    costs: Mapping[str, Mapping[str, str]],
    refusal: str,
    said: str,
) -> None:
    """Raise `SourceError` with `refusal` where no number can do without the object; else note `said` and what
    goes without it, unless it is one that need not be there."""
    if name in required:
        raise SourceError(refusal)
    if name not in quiet:
        cost = costs.get(name, {}).get("", "nothing of it is counted")
        landing.findings.append(f"{said}: without it, {cost}.")
