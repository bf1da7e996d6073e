"""Reading HubSpot: all of it once, then what was changed; and all of it again once a week.

Belongs here: in which order an object is asked for, what the cursor is, and what follows from moved records.
Does not belong here: which properties (`hubspot_objects.py`), pages (`hubspot_pages.py`), one question
(`hubspot_session.py`).

A cursor of records: `until` (everything that was modified up to there is landed), `full_at` (start of the
last complete reading), `wanted` (the properties that were meant: others, and all is read again), `full` or
`scan` (a reading that is not finished). What follows from records (history, links, merges) goes by the raw
table: its cursor is the batch up to which moved records were looked at.
"""

# ruff: noqa: S608 -- names in queries are quoted by sql_text

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar, cast

from orchestration.ingest.crm import hubspot_objects as objects
from orchestration.ingest.crm import hubspot_rows as rows
from orchestration.ingest.crm.hubspot_objects import HISTORIES, LINKS, MERGES, modified_by, properties_of
from orchestration.ingest.crm.hubspot_pages import Pages
from orchestration.ingest.crm.hubspot_session import CursorExpiredError, HubspotSession
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.setting_sources import HubspotSource
from orchestration.settings import Settings
from orchestration.sql_text import LISTED, identifier, listed

OVERLAP = 10 * 60 * 1000
"""Milliseconds that are read again: the index of the search comes some seconds after the records."""
FULL_EVERY = 7 * 24 * 3600 * 1000
PAGES_A_PIECE = 50
"""What is committed at once of a long list; a killed run reads one piece again."""

_Position = dict[str, Any]
_T = TypeVar("_T")


def open_reader(settings: Settings, source_name: str) -> HubspotReader:
    source = cast(HubspotSource, settings.sources[source_name])
    return HubspotReader(source, HubspotSession(source_name))


class HubspotReader:
    def __init__(self, source: HubspotSource, session: HubspotSession, *, piece: int = PAGES_A_PIECE) -> None:
        self._source, self._session, self._piece = source, session, piece
        self._pages = Pages(source.api, session)
        self._ours = {name: str(getattr(source, name)) for name in objects.OURS}
        self._owners: list[rows.Answer] | None = None

    def read(self, object_: Object, landing: Landing) -> int:
        if "lead" in object_.name and self._source.leads != "leads":
            return 0
        if object_ in objects.RECORDS:
            return self._records(object_, landing)
        if object_.name in HISTORIES:
            return self._history(object_, landing)
        if object_.name in MERGES:
            return self._merges(object_, landing)
        if object_ is objects.ASSOCIATIONS:
            return self._associations(landing)
        landing.land(object_, self._small(object_), is_complete=object_ is not objects.ACCOUNT)
        return 1

    def _small(self, object_: Object) -> list[rows.Row]:
        """What is read completely every time."""
        if object_ is objects.ACCOUNT:
            told = self._pages.get("account-info/v3/details")
            return [rows.account(told, self._source.leads, self._source.disqualified)]
        if object_ is objects.PIPELINE_STAGES:
            kinds = ["deals", *(["leads"] if self._source.leads == "leads" else [])]
            return [
                stage
                for kind in kinds
                for pipeline in self._pages.get(f"crm/v3/pipelines/{kind}")["results"]
                for stage in rows.stages(kind, pipeline)
            ]
        if self._owners is None:
            self._owners = [
                owner
                for archived in ("false", "true")
                for page, _ in self._pages.listed("crm/v3/owners", {"archived": archived})
                for owner in page
            ]
        return (
            [rows.owner(one) for one in self._owners]
            if object_ is objects.OWNERS
            else rows.teams(self._owners)
        )

    # records

    def _records(self, object_: Object, landing: Landing) -> int:
        position: _Position = landing.cursor(object_) or {}
        now, wanted = _milliseconds(landing.loaded_at), properties_of(object_, self._ours)
        if position.get("wanted") != wanted:
            position = {"wanted": wanted}
        if "until" not in position or now - position["full_at"] >= FULL_EVERY:
            batches = self._read_all(object_, landing, position, now)
        else:
            batches = self._read_changes(object_, landing, position, now)
        return batches + self._read_archived(object_, landing)

    def _read_all(self, object_: Object, landing: Landing, position: _Position, now: int) -> int:
        """The whole list. The first time it goes on where it was broken off; later it says what is gone."""
        is_first = "until" not in position
        full = position.get("full") if is_first else None
        if full is None:
            full = {"started": now, "after": None}
        asked = self._asked(object_, landing)
        seen: set[str] = set()
        batches, restarts = 0, 0
        while True:
            pages = self._pages.listed(*_listed(object_, asked), after=full["after"])
            try:
                while piece := list(islice(pages, self._piece)):
                    found = [rows.record(one, asked) for page, _ in piece for one in page]
                    seen |= {row["id"] for row in found}
                    full = full | {"after": piece[-1][1]}
                    landing.land(object_, found, cursor=position | {"full": full} if is_first else None)
                    batches += 1
                break
            except CursorExpiredError:
                restarts += 1
                if restarts > 3:
                    raise
                full = full | {"after": None}
        if not is_first:
            self._bury_what_is_gone(object_, landing, seen)
        done = {
            "wanted": position["wanted"],
            "asked": asked,
            "until": full["started"],
            "full_at": full["started"],
        }
        landing.move(object_, done)
        return batches

    def _bury_what_is_gone(self, object_: Object, landing: Landing, seen: set[str]) -> None:
        """Gone is what the list lacks and what is not there when it is asked for by its number either."""
        alive = landing.alive(object_, "_is_deleted OR coalesce(archived, false)")
        missing = sorted(alive - seen)
        gone: list[str] = []
        for ids in _batched(missing, 100):
            there = {
                one["id"] for one in self._pages.batch(object_.name, ids, {"properties": ["hs_object_id"]})
            }
            gone += [one for one in ids if one not in there]
        landing.bury(object_, gone)

    def _read_changes(self, object_: Object, landing: Landing, position: _Position, now: int) -> int:
        """What was modified since, by number within a window that does not move while it is read."""
        batches = 0
        scans = [position["scan"]] if "scan" in position else []
        position = {name: value for name, value in position.items() if name != "scan"}
        since = scans[0]["until"] if scans else position["until"]
        if since < now:
            scans.append({"since": since - OVERLAP, "until": now, "last": "0"})
        asked = position["asked"]
        for scan in scans:
            window = (modified_by(object_), scan["since"], scan["until"])
            pages = self._pages.search(object_.name, window, _properties(asked), scan["last"])
            while piece := list(islice(pages, self._piece)):
                found = [rows.record(one, asked) for page in piece for one in page]
                last = max((int(row["id"]) for row in found), default=int(scan["last"]))
                cursor = position | {"scan": scan | {"last": str(last)}}
                landing.land(object_, found, cursor=cursor)
                batches += 1
            position = position | {"until": scan["until"]}
            landing.move(object_, position)
        return batches

    def _read_archived(self, object_: Object, landing: Landing) -> int:
        """A search never shows what was deleted; the list does, for 90 days."""
        asked, batches = (landing.cursor(object_) or {})["asked"], 0
        path, options = _listed(object_, asked)
        pages = self._pages.listed(path, options | {"archived": "true"})
        try:
            while piece := list(islice(pages, self._piece)):
                found = [rows.record(one, asked) for page, _ in piece for one in page]
                if found:
                    landing.land(object_, found)
                    batches += 1
        except CursorExpiredError:  # what is missing of it comes with the next run
            pass
        return batches

    def _asked(self, object_: Object, landing: Landing) -> dict[str, str]:
        """Column -> property, of those that the account has and shows."""
        wanted = properties_of(object_, self._ours)
        there = self._pages.properties(object_.name)
        for column in objects.OURS:
            if column in wanted and wanted[column] not in there:
                landing.findings.append(
                    f"HubSpot has no property {wanted[column]} of {object_.name}, which the settings name as"
                    f" {column}; it stays empty."
                )
        return {column: name for column, name in wanted.items() if name in there}

    # what follows from moved records

    def _history(self, object_: Object, landing: Landing) -> int:
        of, names = HISTORIES[object_.name]
        where = "hs_lead_status IS NOT NULL" if of is objects.CONTACTS else "true"
        place = landing.cursor(object_) or {"batch": 0, "id": ""}
        batches = 0
        for moved in _moved(landing, of, place, where, 50 * self._piece):
            found: list[rows.Row] = []
            for archived in (False, True):
                ids = [one for one, is_archived, _ in moved if is_archived == archived]
                for some in _batched(ids, 50):
                    body = {"properties": ["hs_object_id"], "propertiesWithHistory": list(names)}
                    for one in self._pages.batch(of.name, some, body, archived=archived):
                        found += rows.changes(one, names)
            landing.land(object_, found, cursor=_place(moved))
            batches += 1
        return batches

    def _merges(self, object_: Object, landing: Landing) -> int:
        of, place, batches = MERGES[object_.name], landing.cursor(object_) or {"batch": 0, "id": ""}, 0
        for moved in _moved(landing, of, place, "hs_merged_object_ids IS NOT NULL", 5_000):
            told = landing.con.execute(
                f"SELECT id, hs_merged_object_ids FROM {landing.table(of.name)} WHERE _source = ?"
                f" AND hs_merged_object_ids IS NOT NULL AND id IN {LISTED}"
                " ORDER BY _batch_number, _source_row",
                [landing.source, listed(one for one, _, _ in moved)],
            ).fetchall()
            found = rows.merges({"id": one, "hs_merged_object_ids": merged} for one, merged in told)
            landing.land(object_, found, cursor=_place(moved))
            batches += 1
        return batches

    def _associations(self, landing: Landing) -> int:
        """A link that is made or cut moves no record: those of moved ones every time, all once a week."""
        object_, now = objects.ASSOCIATIONS, _milliseconds(landing.loaded_at)
        position: _Position = landing.cursor(object_) or {"full_at": now}
        if now - position["full_at"] >= FULL_EVERY:
            position = {"full_at": now}
        batches = 0
        for of, to in LINKS:
            if objects.LEADS in (of, to) and self._source.leads != "leads":
                continue
            pair = f"{of.name}/{to.name}"
            place = position.get(pair) or {"batch": 0, "id": ""}
            for moved in _moved(landing, of, place, "NOT coalesce(archived, false)", 1_000):
                ids = [one for one, _, _ in moved]
                found = [
                    row
                    for answer in self._pages.links(of.name, to.name, ids)
                    for row in rows.links(of.name, to.name, answer)
                ]
                position = position | {pair: _place(moved)}
                parents = [rows.parent(of.name, one, to.name) for one in ids]
                landing.land(object_, found, cursor=position, of_parents=("parent", parents))
                batches += 1
        if batches == 0 and position != landing.cursor(object_):
            landing.move(object_, position)
        return batches


def _listed(object_: Object, asked: dict[str, str]) -> tuple[str, dict[str, str]]:
    path = f"crm/v3/objects/{object_.name}"
    return path, {"properties": ",".join(_properties(asked)), "archived": "false"}


def _properties(asked: dict[str, str]) -> list[str]:
    """What is asked for: the merged contacts of old stand in a property of their own."""
    names = set(asked.values())
    return sorted(names | ({"hs_calculated_merged_vids"} if "lifecyclestage" in names else set()))


def _milliseconds(at: datetime) -> int:
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _batched(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


_Moved = Sequence[tuple[str, bool, int]]


def _moved(
    landing: Landing, object_: Object, place: dict[str, Any], where: str, size: int
) -> Iterator[_Moved]:
    """(id, is archived, batch) of the records that were landed after a place, in order, in pieces."""
    found = landing.con.execute(
        f"SELECT id, archived, batch FROM (SELECT *, max(_batch_number) OVER (PARTITION BY id) AS batch"
        f" FROM {landing.table(object_.name)} WHERE _source = ?"
        f" QUALIFY row_number() OVER (PARTITION BY {identifier('id')}"
        " ORDER BY _batch_number DESC, _source_row DESC) = 1)"
        f" WHERE NOT _is_deleted AND {where} AND (batch > ? OR (batch = ? AND id > ?)) ORDER BY batch, id",
        [landing.source, place["batch"], place["batch"], place["id"]],
    ).fetchall()
    yield from _batched([(one, bool(archived), batch) for one, archived, batch in found], size)


def _place(moved: _Moved) -> dict[str, Any]:
    return {"batch": moved[-1][2], "id": moved[-1][0]}
