"""Salesforce's objects in the tables of Fivetran, Airbyte or dlt.

Belongs here: what of Salesforce's declaration holds for them. Does not belong here: reading the tables
(`landed_by_others.py`), or the objects (`salesforce_objects.py`).

Every tool has one table for each object, with the object's own fields.
"""

from __future__ import annotations

from orchestration.ingest.crm.landed_by_others import Find, LandedKind, OfRaw, Wanted
from orchestration.ingest.crm.landed_table import Part
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.crm.salesforce_objects import (
    COSTS,
    OBJECTS,
    OF_A_FEATURE,
    ONLY,
    REQUIRED,
    as_asked,
)
from orchestration.setting_sources import SalesforceLandedSource

_ALSO = {"User": ("sf_user",)}
"""Other names of a table: `user` is a word of SQL, so dlt calls Salesforce's User `sf_user`."""


class Salesforce:
    def __init__(self, source: SalesforceLandedSource, source_name: str) -> None:
        self._asked = as_asked(source, source_name)
        # a tool may leave rows out that are deleted, and with them the field: nothing is missed then
        required = {name: tuple(one for one in some if one != "IsDeleted") for name, some in REQUIRED.items()}
        # a field of the company's own that the settings do not name is none that anybody misses
        unnamed = {
            f"{object_.name}.{field.name}"
            for object_ in OBJECTS
            for field in object_.fields
            if field.name not in self._asked[object_.name]
        }
        quiet = {*OF_A_FEATURE, "IsDeleted", "SystemModstamp", *unnamed}
        self.wanted = Wanted(required=required, costs=COSTS, quiet=quiet, only=ONLY)

    def parts(self, object_: Object, find: Find, of_raw: OfRaw) -> list[Part]:
        table = find(object_.name, *_ALSO.get(object_.name, ()))
        if table is None:
            return []
        asked = self._asked[object_.name]
        return [Part(table, {ours: sql for ours, theirs in asked.items() if (sql := table.text(theirs))})]


KIND = LandedKind("salesforce_landed", "salesforce", OBJECTS, Salesforce)
