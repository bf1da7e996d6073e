"""The same made-up company in each CRM that is asked over a network, ready to be read by a process.

Belongs here: the store, the routes, the section of the settings and the environment that go together, and
edits as people make them. Does not belong here: reading, or what is expected of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from starlette.routing import BaseRoute

from demo import render_hubspot, render_pipedrive, render_salesforce
from demo.ledger import Ledger
from orchestration.settings import Settings, load_settings
from tests.fakecrm import hubspot, pipedrive, salesforce
from tests.fakecrm.store import Store

SOURCE = "crm"
"""Its name in the settings."""
_AGO = timedelta(minutes=3)
"""How long ago an edit was, as Salesforce is read up to a minute ago."""


@dataclass
class Vendor:
    """`section` is the source's part of the settings for an address. `edit` changes a record as a person
    does; `main` are the objects with most records, by the store's names, where raw has the same name."""

    name: str
    store: Store
    routes: Sequence[BaseRoute]
    section: Callable[[str], str]
    environment: dict[str, str]
    edit: Callable[[str, str, Random], None]
    main: tuple[str, ...]

    def shown(self, name: str) -> set[str]:
        """The ids of the records that it tells of: what Pipedrive deleted is in the list of deals alone."""
        records = self.store.objects[name].items()
        return {key for key, one in records if name == "deals" or not one.get("is_deleted")}

    def settings(self, folder: Path, address: str) -> Settings:
        """In a file of the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "zeven.toml"
        file.write_text(f'[company]\nname = "Asked"\n[sources.{SOURCE}]\n{self.section(address)}')
        return load_settings(file)


def of_salesforce(ledger: Ledger, *, page: int = 2_000, job_page: int = 50_000) -> Vendor:
    store = Store(render_salesforce.render(ledger).objects)
    fake = salesforce.FakeSalesforce(
        store, page=page, job_page=job_page, limit=10**9, clock=lambda: datetime.now(UTC) - _AGO
    )

    def edit(name: str, key: str, rng: Random) -> None:
        fields: dict[str, dict[str, Any]] = {
            "Opportunity": {"Amount": _amount(rng)},
            "Task": {"Subject": f"Call {rng.random()}"},
        }
        fake.edit(name, key, **fields.get(name, {"Industry": f"Industry {rng.randint(1, 999)}"}))

    fields = "".join(f'"{ours}" = "{theirs}"\n' for ours, theirs in render_salesforce.FIELDS.items())
    return Vendor(
        "salesforce",
        store,
        fake.routes(),
        lambda address: f'kind = "salesforce"\ninstance = "{address}"\n[sources.{SOURCE}.fields]\n{fields}',
        {
            "ZEVEN_CRM_CLIENT_ID": salesforce.CLIENT["client_id"],
            "ZEVEN_CRM_CLIENT_SECRET": salesforce.CLIENT["client_secret"],
        },
        edit,
        ("Lead", "Opportunity", "Account", "Task"),
    )


def of_hubspot(ledger: Ledger) -> Vendor:
    store = Store(render_hubspot.render_hubspot(ledger).objects)
    no_limits = hubspot.Limits(rolling=10**9, searches=10**9, daily=10**9)
    fake = hubspot.Hubspot(store, limits=no_limits)
    for name in ("contacts", "deals"):
        fake.extra_properties[name] = {render_hubspot.LEAD_SOURCE, render_hubspot.LEAD_CAMPAIGN}

    def edit(name: str, key: str, rng: Random) -> None:
        at = f"{datetime.now(UTC) - _AGO:%Y-%m-%dT%H:%M:%S}.000Z"
        fields = {"deals": {"amount": f"{_amount(rng)}"}, "contacts": {"industry": f"I{rng.randint(1, 999)}"}}
        fake.edit(name, key, at, **fields.get(name, {"hubspot_owner_id": str(rng.randint(1, 999))}))

    lines = "".join(f'{key} = "{value}"\n' for key, value in render_hubspot.SETTINGS.items())
    return Vendor(
        "hubspot",
        store,
        fake.routes(),
        lambda address: f'kind = "hubspot"\napi = "{address}"\n{lines}',
        {"ZEVEN_CRM_TOKEN": hubspot.TOKEN},
        edit,
        ("contacts", "deals", "companies", "calls", "emails"),
    )


def of_pipedrive(ledger: Ledger) -> Vendor:
    store = Store(render_pipedrive.render_pipedrive(ledger).lists)
    fake = pipedrive.Pipedrive(store)

    def edit(name: str, key: str, rng: Random) -> None:
        at = datetime.now(UTC) - _AGO
        if name != "deals":
            store.edit(name, key, lambda one: one.update(owner_id=rng.randint(1, 999), update_time=_iso(at)))
            return
        value = _amount(rng)
        entry = {
            "field_key": "value",
            "old_value": f"{store.objects[name][key]['value']}",
            "new_value": f"{value}",
            "time": f"{at:%Y-%m-%d %H:%M:%S}",
        }
        with store.lock:
            store.objects["changelog"].setdefault(key, {"entries": []})["entries"].insert(0, entry)
            store.objects[name][key].update(value=value, update_time=_iso(at))

    lines = "".join(
        f'{key} = "{value}"\n' for key, value in render_pipedrive.settings_of("").items() if key != "api"
    )
    return Vendor(
        "pipedrive",
        store,
        fake.routes(),
        lambda address: f'{lines}api = "{address}"\ndaily_tokens = 1000000000\n',
        {"ZEVEN_CRM_API_TOKEN": pipedrive.TOKEN},
        edit,
        ("leads", "deals", "organizations", "activities"),
    )


def _amount(rng: Random) -> float:
    return rng.randint(1, 9_999_999) / 100


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
