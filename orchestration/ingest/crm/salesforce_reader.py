"""Reading a Salesforce org: what is new of each object, piece by piece, and what is gone.

Belongs here: windows, positions, and what becomes of answers. Does not belong here: addresses and errors
(`salesforce_api.py`), the declaration (`salesforce_objects.py`).

A window goes from ten minutes before the last one's end to a minute before the run: what is committed while
we read has a later stamp, and comes with the next window. A position moves over what was landed and checked
to be all of it. The history of changes is kept when Salesforce no longer has it, so only records are
reconciled.
"""

# ruff: noqa: S608 -- queries are made of declared names, values are quoted by sql_text

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from orchestration.errors import SourceError
from orchestration.ingest.crm.absence import tell_absent
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.crm.salesforce_api import Api, Expired, Page
from orchestration.ingest.crm.salesforce_objects import COSTS, OF_A_FEATURE, ONLY, REQUIRED, as_asked
from orchestration.setting_sources import SalesforceSource
from orchestration.sql_text import identifier, literal

BULK_FROM = 10_000
"""Rows from which a query job is quicker than pages of two thousand."""

_OVERLAP, _MARGIN = timedelta(minutes=10), timedelta(minutes=1)
_STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
_HISTORIES = frozenset({"LeadHistory", "OpportunityHistory", "OpportunityFieldHistory"})
_TRIES = 4
_GONE_AT_ONCE = 0.2

Position = dict[str, Any]


class SalesforceReader:
    """`bulk_from` is smaller in tests."""

    def __init__(self, api: Api, source: SalesforceSource, bulk_from: int = BULK_FROM) -> None:
        self._api, self._source, self._bulk_from = api, source, bulk_from
        self._asked = as_asked(source, api.name)
        self._there: set[str] | None = None
        self._until = ""

    def read(self, object_: Object, landing: Landing) -> int:
        if self._there is None:
            self._there = self._api.objects()
            self._until = _written(self._api.now() - _MARGIN)
        described = self._api.describe(object_.name) if object_.name in self._there else {}
        if not described.get("queryable"):
            self._tell_absent(object_, landing)
            return 0
        fields = self._fields(object_, described, landing)
        return _Reading(self, object_, landing, fields, described).run()

    def _tell_absent(self, object_: Object, landing: Landing) -> None:
        name = object_.name
        tell_absent(
            name,
            landing,
            required=REQUIRED,
            quiet=OF_A_FEATURE,
            costs=COSTS,
            refusal=f"{self._api.name}: {name} may not be read, and no number can do without it; give the"
            f" user of the credential the permission Read and View All on {name}.",
            said=f"{name} may not be read",
        )

    def _fields(self, object_: Object, described: dict[str, Any], landing: Landing) -> dict[str, str]:
        """Ours -> Salesforce's own, as far as they may be seen."""
        visible = {one["name"] for one in described["fields"]}
        asked = self._asked[object_.name]
        missing = sorted(theirs for theirs in asked.values() if theirs not in visible)
        needed = [name for name in REQUIRED.get(object_.name, ("Id",)) if name in missing]
        named = [name for name in missing if name in self._source.fields.values()]
        if needed or named:
            raise SourceError(
                f"{self._api.name}: {', '.join(needed or named)} of {object_.name} may not be seen"
                f"{'' if needed else ', and the settings name it'}; give the user of the credential"
                " Read on the field (field-level security)."
            )
        if hidden := [name for name in missing if name not in OF_A_FEATURE]:
            landing.findings.append(f"{', '.join(hidden)} of {object_.name} may not be seen and stays empty.")
        return {ours: theirs for ours, theirs in asked.items() if theirs in visible}

    def condition(self, object_: Object, fields: dict[str, str]) -> str:
        only = ONLY.get(object_.name, "")
        if object_.name != "User":
            return only
        only = only if "UserType" in fields else ""
        if not self._source.users:
            return only
        if not only:
            return f"({self._source.users})"
        return f"(({self._source.users}) OR UserType <> 'Standard') AND {only}"


class _Reading:
    """One object in one run."""

    def __init__(
        self,
        reader: SalesforceReader,
        object_: Object,
        landing: Landing,
        fields: dict[str, str],
        described: dict[str, Any],
    ) -> None:
        self.reader, self.api, self.object, self.landing = reader, reader._api, object_, landing
        self.fields, self.until = fields, reader._until
        self.only = reader.condition(object_, fields)
        filterable = {one["name"] for one in described["fields"] if one.get("filterable")}
        is_large = any(field.name in _STAMPS for field in object_.fields)
        self.stamp = next((name for name in _STAMPS if is_large and name in filterable), None)
        self.is_calculated = any(
            one.get("calculated") for one in described["fields"] if one["name"] in fields.values()
        )
        self.batches = 0

    def run(self) -> int:
        if self.stamp is None:
            self.landing.land(self.object, self._all_rows(), is_complete=True)
            return 1
        position = self._position()
        for _ in range(_TRIES):
            try:
                if position.get("job"):
                    position = self._finish_job(position)
                position = self._read_window(position)
                break
            except Expired:
                position = {name: value for name, value in self._position().items() if name != "job"}
        else:
            raise SourceError(
                f"{self.api.name}: {self.object.name} was asked {_TRIES} times and never came whole. What was"
                " read is kept; run again later."
            )
        self._reconcile(position)
        return self.batches

    def _position(self) -> Position:
        """The last one; none where a field is seen for the first time, which no stamp tells of."""
        position: Position = self.landing.cursor(self.object) or {}
        if set(self.fields.values()) - set(position.get("fields", ())):
            return {"fields": sorted(self.fields.values())}
        if self.is_calculated and self._is_due(position):
            return {"fields": position["fields"], "reconciled": position.get("reconciled")}
        return position

    def _query(self, position: Position, *, in_order: bool) -> str:
        named = list(dict.fromkeys(["Id", *self.fields.values(), str(self.stamp)]))
        conditions = [self.only] if self.only else []
        if since := position.get("until"):
            conditions.append(f"{self.stamp} >= {_earlier(since)}")
        conditions.append(f"{self.stamp} < {self.until}")
        query = f"SELECT {', '.join(named)} FROM {self.object.name} WHERE {' AND '.join(conditions)}"
        return f"{query} ORDER BY {self.stamp}, Id" if in_order else query

    def _read_window(self, position: Position) -> Position:
        """Up to the end of this run's window. A page is a batch; its last stamp is the next position."""
        seen, total, start = 0, 0, self._moved(position, position.get("until"))
        for page in self.api.pages(self._query(position, in_order=True)):
            if page.total > self.reader._bulk_from and seen == 0:
                return self._finish_job(self._start_job(position))
            seen, total = seen + len({row["Id"] for row in page.rows}), page.total
            if seen < total:  # the last one is landed with the end of the window
                position = self._moved(position, self._last_stamp(page, position))
                self._land(page, position)
            elif seen == total:
                position = self._moved(position, max(self.until, position.get("until") or ""))
                self._land(page, position)
        if seen != total:  # deleted for good meanwhile, or left out: nobody knows at which page
            self.landing.move(self.object, start)
            raise Expired
        return position

    def _land(self, page: Page, position: Position) -> None:
        self.landing.land(self.object, (self._row(row) for row in page.rows), cursor=position)
        self.batches += 1

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {ours: row.get(theirs) for ours, theirs in self.fields.items()}
        if found.get("IsPersonAccount"):
            found["Name"] = None
        return found

    def _moved(self, position: Position, until: str | None) -> Position:
        moved = {name: value for name, value in position.items() if name != "job"}
        moved["fields"] = sorted(self.fields.values())
        return moved | ({"until": until} if until else {})

    def _last_stamp(self, page: Page, position: Position) -> str | None:
        """Of the window: a record that was changed since it was asked for has a later one."""
        stamps = [_utc(row[str(self.stamp)]) for row in page.rows]
        reached = [stamp for stamp in stamps if stamp < self.until]
        return max([*reached, position.get("until") or ""]) or None

    def _start_job(self, position: Position) -> Position:
        job = {
            "id": self.api.start_job(self._query(position, in_order=False)),
            "until": self.until,
            "read": 0,
        }
        position = self._moved(position, position.get("until")) | {"job": job}
        self.landing.move(self.object, position)
        return position

    def _finish_job(self, position: Position) -> Position:
        """Page after page of a job's results; a run that was ended goes on with the same job."""
        job = dict(position["job"])
        number = self.api.wait_for_job(job["id"])
        while True:
            with tempfile.TemporaryDirectory(prefix="zeven-", dir=self.landing.warehouse) as folder:
                file = Path(folder) / "records.csv"
                count, locator = self._whole_page(job, file)
                job |= {"read": job["read"] + count, "locator": locator}
                if locator is None:
                    if job["read"] != number:
                        self.landing.move(self.object, self._moved(position, position.get("until")))
                        raise Expired
                    moved = self._moved(position, max(job["until"], position.get("until") or ""))
                else:
                    moved = position | {"job": job}
                self.landing.land_query(self.object, self._csv_query(file), cursor=moved)
                self.batches += 1
            if locator is None:
                return moved

    def _whole_page(self, job: dict[str, Any], file: Path) -> tuple[int, str | None]:
        """One page that has as many records as Salesforce says; what breaks off may look like an end."""
        for _ in range(_TRIES):
            try:
                count, locator = self.api.job_page(job["id"], job.get("locator"), file)
            except Expired:
                position = {k: v for k, v in self._position().items() if k != "job"}
                self.landing.move(self.object, position)
                raise
            counted = f"SELECT count(*) FROM {_read_csv(file)}"
            if int(self.landing.con.execute(counted).fetchall()[0][0]) == count:
                return count, locator
        raise SourceError(f"{self.api.name}: the results of a query job of {self.object.name} break off.")

    def _csv_query(self, file: Path) -> str:
        kinds = {field.name: field.kind for field in self.object.fields}
        given = set(_header(file))
        listed = []
        for ours, kind in kinds.items():
            theirs = self.fields.get(ours)
            value = identifier(theirs) if theirs in given and theirs else "NULL"
            if kind == "instant" and value != "NULL":
                # as REST writes it, so that a record is the same by both ways
                value = f"regexp_replace({value}, 'Z$', '+0000')"
            if ours == "Name" and "IsPersonAccount" in self.fields:
                is_person = identifier(self.fields["IsPersonAccount"])
                value = f"CASE WHEN {is_person} = 'true' THEN NULL ELSE {value} END"
            listed.append(f"{value} AS {identifier(ours)}")
        return f"SELECT row_number() OVER () AS _row, {', '.join(listed)} FROM {_read_csv(file)}"

    def _all_rows(self) -> Iterator[dict[str, Any]]:
        """Of an object that is read as a whole."""
        named = ", ".join(dict.fromkeys(["Id", *self.fields.values()]))
        where = f" WHERE {self.only}" if self.only else ""
        seen, total = 0, 0
        for page in self.api.pages(f"SELECT {named} FROM {self.object.name}{where} ORDER BY Id"):
            seen, total = seen + len(page.rows), page.total
            yield from (self._row(row) for row in page.rows)
        if seen != total:
            raise SourceError(f"{self.api.name}: {self.object.name} did not come whole; run again later.")

    def _is_due(self, position: Position) -> bool:
        last = position.get("reconciled")
        days = self.reader._source.reconcile_days
        return last is not None and _read(self.until) - _read(last) >= timedelta(days=days)

    def _reconcile(self, position: Position) -> None:
        """Bury what is neither there nor in the recycle bin; after a first reading nothing is."""
        if position.get("reconciled") and not self._is_due(position):
            return
        if position.get("reconciled") and self.object.name not in _HISTORIES:
            self._bury_what_is_gone(self._keys())
        self.landing.move(self.object, position | {"reconciled": self.until})

    def _bury_what_is_gone(self, there: set[str]) -> None:
        alive = self.landing.alive(self.object)
        gone = alive - there
        if len(gone) > 50 and len(gone) > _GONE_AT_ONCE * len(alive):
            self.landing.findings.append(
                f"{len(gone)} of {len(alive)} records of {self.object.name} can no longer be seen; that is"
                " more than people delete, so they are kept. May the user of the credential still View All"
                " Data?"
            )
            return
        self.landing.bury(self.object, gone)

    def _keys(self) -> set[str]:
        where = f" WHERE {self.only}" if self.only else ""
        query = f"SELECT Id FROM {self.object.name}{where}"
        keys: set[str] = set()
        for page in self.api.pages(f"{query} ORDER BY Id"):
            if page.total > self.reader._bulk_from:
                return self._keys_of_job(self.api.start_job(query))
            keys |= {row["Id"] for row in page.rows}
        if len(keys) != page.total:
            raise SourceError(
                f"{self.api.name}: the ids of {self.object.name} did not come whole; run again."
            )
        return keys

    def _keys_of_job(self, job: str) -> set[str]:
        number, keys, asked = self.api.wait_for_job(job), set[str](), {"id": job, "locator": None}
        while True:
            with tempfile.TemporaryDirectory(prefix="zeven-", dir=self.landing.warehouse) as folder:
                file = Path(folder) / "keys.csv"
                _, asked["locator"] = self._whole_page(asked, file)
                found = self.landing.con.execute(f"SELECT Id FROM {_read_csv(file)}")
                keys |= {str(key) for (key,) in found.fetchall()}
            if asked["locator"] is None:
                break
        if len(keys) != number:
            raise SourceError(
                f"{self.api.name}: the ids of {self.object.name} did not come whole; run again."
            )
        return keys


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8") as lines:
        return [name.strip().strip('"') for name in lines.readline().split(",")]


def _read_csv(file: Path) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in _header(file))
    return (
        f"read_csv({literal(file)}, auto_detect = false, header = true, delim = ',', quote = '\"',"
        f" escape = '\"', parallel = false, null_padding = true, ignore_errors = false,"
        f" max_line_size = 16777216, columns = {{{columns}}})"
    )


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}Z"


def _read(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _earlier(text: str) -> str:
    return _written(_read(text) - _OVERLAP)


def _utc(text: str) -> str:
    """A stamp of an answer, as a query writes it: cut to the second, so never later than it was."""
    return f"{text[:19]}Z"
