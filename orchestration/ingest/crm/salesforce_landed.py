"""Salesforce's objects in the tables of Fivetran, Airbyte or dlt.

Belongs here: what of Salesforce's declaration holds for them. Does not belong here: reading the tables
(`landed_by_others.py`), or the objects (`salesforce_objects.py`).
"""

from __future__ import annotations

from orchestration.ingest.crm.landed_by_others import LandedKind, Wanted
from orchestration.ingest.crm.salesforce_objects import (
    COSTS,
    OBJECTS,
    OF_A_FEATURE,
    ONLY,
    REQUIRED,
    as_asked,
)
from orchestration.settings import LandedSource


def wanted(source: LandedSource, source_name: str) -> Wanted:
    # a tool may leave rows out that are deleted, and with them the field: nothing is missed then
    required = {name: tuple(one for one in fields if one != "IsDeleted") for name, fields in REQUIRED.items()}
    quiet = {*OF_A_FEATURE, "IsDeleted", "SystemModstamp"}
    return Wanted(required, COSTS, quiet, as_asked(source, source_name), ONLY)


KIND = LandedKind("salesforce_landed", "salesforce", OBJECTS, wanted)
