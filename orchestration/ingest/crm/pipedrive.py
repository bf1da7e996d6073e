"""Pipedrive as a source: which list is read when, and how far.

Belongs here: windows, positions, what follows a deal that moved, the weekly look at what is gone. Does not
belong here: pages and tokens (`pipedrive_pages.py`), what is kept of a record (`pipedrive_rows.py`), what
`zeven doctor` says (`pipedrive_doctor.py`).

Lists of v2 are read from `updated_since` to an `updated_until` that is fixed before the first page. Once a
week they are read whole: what is not among the records any more was deleted. Changes and products of a deal
cost a call each; they are asked for when its `update_time` moved, the newest deals first, as far as the
tokens of the day go.
"""

# ruff: noqa: S608 -- names in queries are quoted by sql_text

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dlt.sources.helpers.rest_client.client import RESTClient

from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm import pipedrive_rows as rows
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.crm.pipedrive_objects import BY_NAME, CHANGES_READ
from orchestration.ingest.crm.pipedrive_pages import (
    Budget,
    Page,
    PipedriveSession,
    ShiftedError,
    SpentError,
    cursor_pages,
    offset_pages,
    whole_list,
)
from orchestration.ingest.crm.session import Patience
from orchestration.setting_sources import PipedriveSource
from orchestration.settings import Settings

OVERLAP = timedelta(minutes=10)
WHOLE_EVERY = timedelta(days=7)
_BATCH = 5_000
_DEALS_AT_ONCE = 100
_RESTARTS = 20


def variable(source_name: str) -> str:
    """The environment variable that holds the token."""
    return f"ZEVEN_{source_name.upper()}_API_TOKEN"


def open_reader(settings: Settings, source_name: str, patience: Patience | None = None) -> PipedriveReader:
    source = settings.sources[source_name]
    assert isinstance(source, PipedriveSource)
    name = variable(source_name)
    token = os.environ.get(name, "").strip()
    if not token:
        raise SettingsError(
            f"{source_name}: the environment variable {name} is missing; it holds the API token of a"
            " Pipedrive user."
        )
    return PipedriveReader(source_name, source, token, patience=patience)


GOALS = {"type.name": "deals_won"}


@dataclass(frozen=True)
class _List:
    """A list that is read by `update_time`; `is_old` for the pages of v1."""

    path: str
    params: dict[str, Any] = field(default_factory=dict)
    is_old: bool = False
    has_since: bool = True
    has_until: bool = True


_LISTS: dict[str, tuple[_List, ...]] = {
    "products": (_List("api/v2/products", has_until=False),),
    "organizations": (_List("api/v2/organizations"),),
    "persons": (_List("api/v2/persons"),),
    "leads": (
        _List("api/v1/leads", {"sort": "id ASC"}, is_old=True, has_until=False),
        # there is no `updated_since`: from the newest on, until they are old enough
        _List(
            "api/v1/leads/archived",
            {"sort": "update_time DESC"},
            is_old=True,
            has_since=False,
            has_until=False,
        ),
    ),
    "deals": (
        _List("api/v2/deals", {"status": "open,won,lost,deleted"}),
        _List("api/v2/deals/archived"),
    ),
    "activities": (_List("api/v2/activities"),),
}


class PipedriveReader:
    """One company, for one run."""

    def __init__(
        self,
        name: str,
        source: PipedriveSource,
        token: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience: Patience | None = None,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.name, self.source, self.now = name, source, now
        self.session = PipedriveSession(
            name, token, Budget(source.daily_tokens), now=now, patience=patience, sleep=sleep
        )
        self.client = RESTClient(base_url=source.api.rstrip("/"), session=self.session)
        self._fields: dict[str, list[dict[str, Any]]] = {}
        self._teams: list[dict[str, Any]] | None = None
        self._knows_budget = False

    def read(self, object_: Object, landing: Landing) -> int:
        if object_.name == "deals_followed":
            return 0  # written with what it speaks of
        if not self._knows_budget:
            self.recall_budget(landing)
        try:
            if object_.name in _LISTS:
                return self._read_lists(object_, landing)
            if object_.name in ("deal_products", "deal_changes"):
                return self._follow(object_, landing)
            return self._read_whole(object_, landing)
        finally:
            budget = self.session.budget
            landing.move(BY_NAME["deals_followed"], {"day": budget.day, "spent": budget.spent})

    def recall_budget(self, landing: Landing) -> None:
        """What earlier runs of the day have spent, on top of what this one has."""
        self._knows_budget = True
        told = landing.cursor(BY_NAME["deals_followed"]) or {}
        budget = self.session.budget
        if told.get("day") == Budget(0).on(self.now()).day:
            budget.spent += told.get("spent", 0)
            budget.day = told["day"]

    # lists that are short

    def _read_whole(self, object_: Object, landing: Landing) -> int:
        found = self._whole(object_.name)
        if found is None:
            landing.findings.append(
                f"{self.name}: {object_.name} may not be read, or the plan has none: {WITHOUT[object_.name]}."
            )
            return 0
        landing.land(object_, found, is_complete=True)
        return 1

    def _whole(self, name: str) -> Iterable[dict[str, Any]] | None:
        match name:
            case "users" | "currencies":
                return whole_list(self.client, f"api/v1/{name}")
            case "goals":
                found = whole_list(self.client, "api/v1/goals/find", **GOALS)
                return None if found is None else [rows.goal(one) for one in found]
            case "teams":
                self._teams = whole_list(self.client, "api/v1/legacyTeams")
                return self._teams
            case "team_users":
                return [
                    {"team_id": team["id"], "user_id": user}
                    for team in self._teams or ()
                    for user in team.get("users") or ()
                ]
            case "field_options":
                return self._options()
        return [row for page in cursor_pages(self.client, f"api/v2/{name}", {}) for row in page.rows]

    def fields(self, name: str) -> list[dict[str, Any]]:
        if name not in self._fields:
            pages = cursor_pages(self.client, f"api/v2/{name}", {})
            self._fields[name] = [row for page in pages for row in page.rows]
        return self._fields[name]

    @property
    def parts(self) -> dict[str, str]:
        """Which field of leads and deals holds what, by the code that Pipedrive knows it by."""
        wanted = {part: getattr(self.source, f"{part}_field") for part in rows.PARTS}
        return {part: self._code(part, name) for part, name in wanted.items() if name}

    def _code(self, part: str, name: str) -> str:
        known = self.fields("dealFields")
        for own in known:
            names = (str(own.get("field_code")).casefold(), str(own.get("field_name")).casefold())
            if name.casefold() in names:
                return str(own["field_code"])
        if name == "channel":
            return name
        custom = ", ".join(repr(own["field_name"]) for own in known if own.get("is_custom_field"))
        raise SettingsError(
            f"{self.name}: {part}_field is {name!r}, but Pipedrive's deals have no such field; the"
            f" company's own are {custom or 'none'}."
        )

    def _options(self) -> list[dict[str, Any]]:
        found = []
        used = [("dealFields", part, code) for part, code in self.parts.items()]
        used += [
            ("organizationFields", "organization_industry", "industry"),
            ("productFields", "product_category", "category"),
        ]
        for name, part, code in used:
            for own in self.fields(name):
                if own.get("field_code") == code:
                    found += [{"part": part, **option} for option in own.get("options") or ()]
        return found

    # lists that are read from where the last run ended

    def _read_lists(self, object_: Object, landing: Landing) -> int:
        row = self._row_of(object_.name)
        told = landing.cursor(object_) or {}
        reading = dict(self.parts) if object_.name in ("leads", "deals") else {}
        if told.get("reading", reading) != reading:
            told = {}  # other fields are wanted: all records are asked for again
        told["reading"] = reading
        doing, is_resumed = told.get("doing"), "doing" in told
        if doing is None:
            now = self.now()
            is_whole = "whole" not in told or now - datetime.fromisoformat(told["whole"]) >= WHOLE_EVERY
            since = None if is_whole else _stamp(datetime.fromisoformat(told["until"]) - OVERLAP)
            doing = {"since": since, "until": _stamp(now), "list": 0, "after": None, "whole": is_whole}
        seen: set[str] = set()
        batches = 0
        for number in range(doing["list"], len(_LISTS[object_.name])):
            one = _LISTS[object_.name][number]
            doing = {**doing, "list": number, "after": doing["after"] if number == doing["list"] else None}
            for batch, after in self._batches(one, doing):
                seen.update(str(record["id"]) for record in batch)
                position = {**told, "doing": {**doing, "after": after}}
                landing.land(object_, map(row, batch), cursor=position)
                batches += 1
        if doing["whole"] and not is_resumed:
            landing.bury(object_, landing.alive(object_) - seen)
        told.pop("doing", None)
        if doing["whole"] and (not is_resumed or "whole" not in told):
            told["whole"] = doing["until"]
        landing.move(object_, {**told, "until": doing["until"]})
        return batches

    def _batches(self, one: _List, doing: dict[str, Any]) -> Iterator[tuple[list[dict[str, Any]], Any]]:
        batch: list[dict[str, Any]] = []
        for page in self._pages(one, doing):
            batch += page.rows
            if len(batch) >= _BATCH and page.after is not None:
                yield batch, page.after
                batch = []
        if batch:
            yield batch, None

    def _pages(self, one: _List, doing: dict[str, Any]) -> Iterator[Page]:
        since, after = doing["since"], doing["after"]
        params = dict(one.params)
        if since and one.has_since:
            params["updated_since"] = since
        if one.has_until:
            params["updated_until"] = doing["until"]
        if not one.is_old:
            yield from cursor_pages(self.client, one.path, params, after)
            return
        for _ in range(_RESTARTS):
            try:
                for page in offset_pages(self.client, one.path, params, after):
                    yield page
                    if since and not one.has_since and _is_before(page, since):
                        return
                return
            except ShiftedError:
                after = None
        raise SourceError(
            f"{self.name}: {one.path} changes faster than it can be read. What was read is kept; run again"
            " when less is going on."
        )

    def _row_of(self, name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        match name:
            case "leads":
                parts = self.parts
                return lambda record: rows.lead(record, parts)
            case "deals":
                parts = self.parts
                return lambda record: rows.deal(record, parts)
            case "organizations":
                return rows.organization
            case "persons":
                return rows.person
            case "activities":
                return rows.activity
        return dict

    # what follows a deal that moved

    def _follow(self, object_: Object, landing: Landing) -> int:
        what = "products" if object_.name == "deal_products" else "changes"
        waiting = _moved(landing, what)
        batches = done = 0
        for start in range(0, len(waiting), _DEALS_AT_ONCE):
            chunk = waiting[start : start + _DEALS_AT_ONCE]
            found, read, is_spent = self._of_deals(what, [deal_id for deal_id, _ in chunk])
            if read:
                landing.land(object_, found, of_parents=("deal_id", read))
                moved = dict(chunk)
                landing.land(
                    BY_NAME["deals_followed"],
                    [{"what": what, "deal_id": one, "update_time": moved[one]} for one in read],
                )
                batches, done = batches + 1, done + len(read)
            if is_spent:
                landing.findings.append(
                    f"{self.name}: the {what} of {len(waiting) - done} deals wait for tomorrow, the tokens of"
                    " today are used up."
                )
                break
        return batches

    def _of_deals(self, what: str, deals: Sequence[str]) -> tuple[list[dict[str, Any]], list[str], bool]:
        """Rows, the deals that they are all there is of, and whether the tokens ended before the rest."""
        found: list[dict[str, Any]] = []
        read: list[str] = []
        try:
            if what == "products":
                pages = cursor_pages(self.client, "api/v2/deals/products", {"deal_ids": ",".join(deals)})
                found = [row for page in pages for row in page.rows]
                return found, list(deals), False
            for deal_id in deals:
                pages = cursor_pages(self.client, f"api/v1/deals/{deal_id}/changelog", {})
                entries = [row for page in pages for row in page.rows]
                found += rows.changes(deal_id, entries, CHANGES_READ)
                read.append(deal_id)
        except SpentError:
            return found, read, True
        return found, read, False


WITHOUT = {"goals": "there are no targets", "teams": "reps have no team"}


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _is_before(page: Page, since: str) -> bool:
    """The last record of a page, which is the oldest, is older than `since`."""
    return bool(page.rows) and str(page.rows[-1].get("update_time"))[:19] < since[:19]


def _moved(landing: Landing, what: str) -> list[tuple[str, str]]:
    """Deals, the newest first, with an `update_time` up to which their `what` was not read yet."""
    newest = "max_by({0}, (_batch_number, _source_row)) AS {0}"
    found = landing.con.execute(
        "SELECT deals.id, deals.moved FROM ("
        f" SELECT id, {newest.format('_is_deleted')},"
        " CAST(max_by(update_time, (_batch_number, _source_row)) AS VARCHAR) AS moved"
        f" FROM {landing.table('deals')} WHERE _source = $source GROUP BY id) AS deals"
        " LEFT JOIN ("
        f" SELECT deal_id, {newest.format('update_time')}"
        f" FROM {landing.table('deals_followed')} WHERE _source = $source AND what = $what GROUP BY deal_id"
        ") AS followed ON deals.id = followed.deal_id"
        " WHERE NOT deals._is_deleted AND deals.moved IS DISTINCT FROM followed.update_time"
        " ORDER BY deals.moved DESC, deals.id",
        {"source": landing.source, "what": what},
    ).fetchall()
    return [(str(deal_id), str(moved)) for deal_id, moved in found]
