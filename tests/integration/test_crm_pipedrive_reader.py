"""Pipedrive asked over a network: everything read, once, whatever goes wrong on the way."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
import requests

from demo.render_pipedrive import render_pipedrive, settings_of
from orchestration.errors import BusyError, SettingsError, SourceError
from orchestration.ingest.crm import pipedrive, pipedrive_doctor, pipedrive_pages, raw_schema
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.pipedrive import PipedriveReader, open_reader
from orchestration.ingest.crm.pipedrive_objects import BY_NAME, OBJECTS
from orchestration.ingest.crm.session import Patience
from orchestration.setting_sources import PipedriveSource
from orchestration.settings import load_settings
from orchestration.warehouse import Warehouse
from tests.fakecrm.faults import Fault, Plan
from tests.fakecrm.pipedrive import TOKEN, Pipedrive
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store
from tests.proof import faces

NOW = datetime(2026, 4, 2, 6, tzinfo=UTC)
LISTS = ("leads", "deals", "activities", "organizations", "persons", "products", "deal_products")
PAGE = 7
"""Small, so that every list has many."""


@dataclass
class Scene:
    """A company, its server, and a warehouse that reads it."""

    crm: Pipedrive
    plan: Plan
    api: str
    folder: Path
    con: duckdb.DuckDBPyConnection
    now: datetime = NOW
    waited: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def run(self, **settings: Any) -> PipedriveReader:
        """One run over all objects. Raises what ends it."""
        source = PipedriveSource(**{**settings_of(self.api), **settings})
        reader = PipedriveReader(
            "crm",
            source,
            TOKEN,
            now=lambda: self.now,
            patience=Patience(attempts=4),
            sleep=self.waited.append,
        )
        into = Landing(self.con, "raw_pipedrive", "crm", self.now, self.folder)
        self.findings = into.findings
        for one in OBJECTS:
            reader.read(one, into)
        return reader

    def until_quiet(self, days: int = 40, **settings: Any) -> int:
        """Runs, a day apart after one that did not end well, until one ends with nothing left to do."""
        for number in range(1, days):
            try:
                self.run(**settings)
                if not any("wait for tomorrow" in finding for finding in self.findings):
                    self.told += self.findings
                    return number
            except SourceError as error:
                self.findings.append(str(error))
            self.told += self.findings
            self.now += timedelta(hours=25)
            self.crm.spent = 0
        raise AssertionError("it never came to an end")

    def newest(self, name: str, column: str = "id") -> set[str]:
        key = ", ".join(BY_NAME[name].key)
        found = self.con.execute(
            f"select {column} from (select * from raw_pipedrive.{name} qualify row_number() over ("
            f"partition by {key} order by _batch_number desc, _source_row desc) = 1) where not _is_deleted"
        ).fetchall()
        return {str(value) for (value,) in found}


@contextmanager
def a_company(folder: Path, faults: list[Fault] | None = None, **options: Any) -> Iterator[Scene]:
    lists = copy.deepcopy(render_pipedrive(faces.ledger()).lists)
    for name in ("activities", "persons"):  # enough of them
        lists[name] = dict(list(lists[name].items())[:60])
    deals = set(list(lists["deals"])[:25])
    lists["deals"] = {key: one for key, one in lists["deals"].items() if key in deals}
    lists["deal_products"] = {
        key: one for key, one in lists["deal_products"].items() if str(one["deal_id"]) in deals
    }
    crm, plan = Pipedrive(Store(lists), **options), Plan(faults or [])
    con = duckdb.connect()
    raw_schema.prepare(con, "raw_pipedrive", BY_NAME)
    with serving(crm.routes(), plan) as api:
        yield Scene(crm, plan, api, folder, con)
    con.close()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipedrive_pages, "PAGE", PAGE)
    monkeypatch.setattr(pipedrive, "_BATCH", 3 * PAGE)
    monkeypatch.setattr(pipedrive, "_DEALS_AT_ONCE", 5)


def assert_same(scene: Scene) -> None:
    """Raw is what the company holds."""
    lists = scene.crm.store.objects
    for name in LISTS:
        shown = {key for key, one in lists[name].items() if name == "deals" or not one.get("is_deleted")}
        assert scene.newest(name) == shown, name
    for name, column in (("deals", "value"), ("leads", "owner_id"), ("activities", "done")):
        said = {f"{key} {_text(one[column])}" for key, one in lists[name].items()}
        assert scene.newest(name, f"id || ' ' || coalesce({column}::varchar, '')") == said
    deals = lists["deals"]
    changes = {
        f"{deal_id} {entry['time']} {_text(entry['new_value'])}"
        for deal_id, log in lists["changelog"].items()
        if deal_id in deals
        for entry in log["entries"]
    }
    told = scene.newest("deal_changes", "deal_id || ' ' || time || ' ' || coalesce(new_value, '')")
    assert told == changes


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.2f}"
    return "" if value is None else str(value)


def test_everything_is_read_once(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        reader = scene.run()
        assert_same(scene)
        assert scene.newest("goals") == set(scene.crm.store.objects["goals"])
        assert scene.newest("team_users", "user_id") != set()
        assert scene.newest("field_options", "part") == {
            "source",
            "industry",
            "organization_industry",
            "product_category",
        }
        assert reader.session.budget.spent == scene.crm.spent > 1_000
        asked = "\n".join(scene.plan.asked)
        assert TOKEN not in asked
        for name in ("title", "phone", "subject"):
            for table in LISTS:
                assert name not in {field.name for field in BY_NAME[table].fields}
        addresses = scene.newest("persons", "email")
        assert all(len(one) == 64 and "@" not in one for one in addresses)


def test_a_second_run_makes_only_the_calls_of_the_overlap(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        scene.run()
        rows = {one.name: _count(scene, one.name) for one in OBJECTS}
        scene.plan.asked.clear()
        scene.now += timedelta(hours=1)
        scene.run()
        # each short list once, and a call for each list that moves
        short = ["users", "legacyTeams", "currencies", "goals/find", "pipelines", "stages"]
        short += ["dealFields", "organizationFields", "productFields"]
        assert scene.plan.count("changelog|deals/products") == 0
        for name in short:
            assert scene.plan.count(f"/{name}\\b") == 1, name
        for name in ("organizations", "persons", "activities", "products", "leads", "deals"):
            assert scene.plan.count(f"/{name}\\?") == 1, name
        assert scene.plan.count("archived") == 2
        assert {one.name: _count(scene, one.name) for one in OBJECTS} == rows


def _count(scene: Scene, name: str) -> int:
    return int(scene.con.execute(f"select count(*) from raw_pipedrive.{name}").fetchall()[0][0])


def test_only_deals_that_moved_are_followed(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        scene.run()
        scene.plan.asked.clear()
        _edit_deal(scene, "3", value=4711.0, at=scene.now + timedelta(minutes=5))
        scene.now += timedelta(hours=1)
        scene.run()
        assert scene.plan.count("changelog") == 1
        assert scene.plan.count("/deals/3/changelog") == 1
        assert_same(scene)


def _edit_deal(scene: Scene, key: str, *, value: float, at: datetime) -> None:
    deal = scene.crm.store.objects["deals"][key]
    entry = {
        "field_key": "value",
        "old_value": f"{deal['value']:.2f}",
        "new_value": f"{value:.2f}",
        "time": f"{at:%Y-%m-%d %H:%M:%S}",
    }
    scene.crm.store.edit("changelog", key, lambda log: log["entries"].insert(0, entry))
    scene.crm.store.edit(
        "deals", key, lambda one: one.update(value=value, update_time=f"{at:%Y-%m-%dT%H:%M:%SZ}")
    )


def test_what_is_gone_is_found_within_a_week(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        scene.run()
        lead, activity = (next(iter(scene.crm.store.objects[name])) for name in ("leads", "activities"))
        scene.crm.store.remove("leads", lead)
        scene.crm.store.remove("activities", activity)
        scene.now += timedelta(days=1)
        scene.run()
        assert lead in scene.newest("leads")
        scene.now += timedelta(days=7)
        scene.run()
        assert_same(scene)


def test_the_tokens_of_the_settings_are_not_exceeded(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        days = scene.until_quiet(daily_tokens=1_000)
        assert days > 1
        assert_same(scene)
    with a_company(tmp_path) as scene:
        scene.run(daily_tokens=1_000)
        assert any("changes of" in said and "wait for tomorrow" in said for said in scene.findings)
        assert 980 < scene.crm.spent <= 1_000
        scene.now += timedelta(minutes=1)  # a second run has what the first one left of the day
        with pytest.raises(SourceError, match="daily_tokens"):
            scene.run(daily_tokens=1_000)
        assert scene.crm.spent <= 1_000


def test_the_budget_of_the_company_ends_cleanly(tmp_path: Path) -> None:
    with a_company(tmp_path, tokens=900) as scene:
        assert scene.until_quiet() > 1
        assert scene.waited == []
        assert_same(scene)


def test_a_reading_that_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        scene.plan.faults.append(Fault("/v2/activities", 500, at=tuple(range(6, 10))))
        with pytest.raises(SourceError, match="What was read is kept"):
            scene.run()
        kept = _count(scene, "activities")
        assert kept == 3 * PAGE
        scene.plan.asked.clear()
        scene.now += timedelta(minutes=5)
        scene.run()
        pages = -(-(len(scene.crm.store.objects["activities"]) - kept) // PAGE)
        assert scene.plan.count("/v2/activities") == pages
        assert_same(scene)


def test_retry_after_is_waited_for(tmp_path: Path) -> None:
    with a_company(tmp_path, [Fault("/v2/deals", 429, at=(2,), after=3)]) as scene:
        scene.run()
        assert scene.waited == [3]
        assert_same(scene)


def test_a_lead_that_goes_between_two_pages_takes_no_other_along(tmp_path: Path) -> None:
    with a_company(tmp_path) as scene:
        first = sorted(
            key for key, one in scene.crm.store.objects["leads"].items() if not one["is_archived"]
        )[0]
        act = Fault("/v1/leads$", "meanwhile", at=(2,), act=lambda: scene.crm.store.remove("leads", first))
        scene.plan.faults.append(act)
        scene.run()
        assert act.met > 2
        assert scene.newest("leads") - {first} == set(scene.crm.store.objects["leads"])


def test_a_field_that_is_not_there_is_named(tmp_path: Path) -> None:
    with (
        a_company(tmp_path) as scene,
        pytest.raises(SettingsError, match=r"campaign_field is 'Camp'.*'Campaign'"),
    ):
        scene.run(campaign_field="Camp")


def test_a_missing_token_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "A"\n[sources.pd]\nkind = "pipedrive"\napi = "https://a.pipedrive.com"\n'
    )
    monkeypatch.delenv("ZEVEN_PD_API_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="ZEVEN_PD_API_TOKEN"):
        open_reader(load_settings(file), "pd")


def test_the_doctor_says_what_the_token_may_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = Fault("legacyTeams", 403, at=(1,))
    with a_company(tmp_path, [forbidden]) as scene:
        file = tmp_path / "zeven.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings_of(scene.api).items()]
        file.write_text("\n".join(["[company]", 'name = "A"', "[sources.pd]", *lines]))
        monkeypatch.setenv("ZEVEN_PD_API_TOKEN", TOKEN)
        found = {one.about: one for one in pipedrive_doctor.diagnose(load_settings(file), "pd")}
        verdicts = {about: one.verdict for about, one in found.items()}
        assert verdicts == {
            "credential": "ok",
            "fields": "ok",
            "goals": "ok",
            "teams": "warning",
            "budget": "ok",
        }
        assert TOKEN not in str(found)
        assert scene.crm.spent <= 70
        assert "tokens of today" in found["budget"].message


def test_the_doctor_counts_what_earlier_runs_of_the_day_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZEVEN_PD_API_TOKEN", TOKEN)
    with a_company(tmp_path) as scene:
        file = tmp_path / "zeven.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings_of(scene.api).items()]
        file.write_text(
            "\n".join(["[company]", 'name = "A"', "[sources.pd]", *lines, "daily_tokens = 20000"])
        )
        settings = load_settings(file)

        def budget() -> str:
            found = {one.about: one for one in pipedrive_doctor.diagnose(settings, "pd")}
            return found["budget"].message

        with Warehouse(settings).connect() as con:
            raw_schema.prepare(con, "raw_pipedrive", BY_NAME)
            into = Landing(con, "raw_pipedrive", "pd", datetime.now(UTC), tmp_path)
            into.move(BY_NAME["deals_followed"], {"day": f"{datetime.now(UTC):%Y-%m-%d}", "spent": 15_000})
        before = scene.crm.spent
        told = budget()
        assert told == f"{5_000 - (scene.crm.spent - before):,} of 20,000 tokens of today are left"
        # a run of another process has it open: then it says so
        monkeypatch.setattr(Warehouse, "connect", _busy)
        assert "not counting what earlier runs of today took" in budget()


def _busy(warehouse: Warehouse, *, read_only: bool = False) -> None:
    raise BusyError(f"{warehouse.file} is open in process 1 (zeven)")


PATHS = ("/v2/deals$", "/v1/leads", "/v2/activities", "changelog", "/v2/deals/products", "/v2/", "/v1/")
KINDS: tuple[int | str, ...] = (429, 500, 503, "drop", "truncate", 401)


def _random_faults(scene: Scene, rng: Random) -> list[Fault]:
    faults = []
    for _ in range(rng.randint(3, 8)):
        kind, at = rng.choice(KINDS), tuple(rng.sample(range(1, 9), rng.randint(1, 4)))
        faults.append(Fault(rng.choice(PATHS), kind, at, after=1.0 if kind == 429 else None))
    for _ in range(rng.randint(1, 4)):
        faults.append(Fault(rng.choice(PATHS), "meanwhile", (rng.randint(1, 6),), act=_edit(scene, rng)))
    return faults


def _edit(scene: Scene, rng: Random) -> Callable[[], None]:
    kinds = ("deal", "delete", "field", "archive", "ties", "lead", "repeat", "expire")
    number, what = rng.randint(0, 99), rng.choice(kinds)
    store = scene.crm.store

    def act() -> None:
        deals = sorted(store.objects["deals"])
        key = deals[number % len(deals)]
        if what == "repeat":
            scene.crm.repeats += 1 + number % 3
        elif what == "expire":
            scene.crm.expiries += 1
        elif what == "deal":
            _edit_deal(scene, key, value=float(number), at=scene.now)
        elif what == "delete":
            activities = sorted(store.objects["activities"])
            store.remove("activities", activities[number % len(activities)])
        elif what == "field":
            code = f"{number:040x}"
            store.put(
                "dealFields",
                code,
                {"field_code": code, "field_name": f"New {number}", "is_custom_field": True, "options": None},
            )
            store.edit("deals", key, lambda one: one["custom_fields"].update({code: "x"}))
        elif what == "archive":
            at = f"{scene.now:%Y-%m-%dT%H:%M:%SZ}"
            store.edit(
                "deals", key, lambda one: one.update(is_archived=not one["is_archived"], update_time=at)
            )
        elif what == "ties":
            at = f"{scene.now:%Y-%m-%dT%H:%M:%SZ}"
            for one in store.objects["activities"].values():
                one.update(update_time=at, done=True)
        else:
            leads = sorted(store.objects["leads"])
            at = f"{scene.now:%Y-%m-%dT%H:%M:%S}.000Z"
            store.edit(
                "leads", leads[number % len(leads)], lambda one: one.update(owner_id=number, update_time=at)
            )

    return act


@pytest.mark.parametrize(
    "seed", [*range(3), *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 40))]
)
def test_whatever_goes_wrong_raw_is_the_company_in_the_end(
    seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = Random(f"pipedrive/{seed}")
    with a_company(tmp_path, tokens=rng.choice((10**9, 2_000, 900))) as scene:
        scene.plan.faults.extend(_random_faults(scene, rng))
        scene.until_quiet()
        scene.plan.faults.clear()
        scene.now += timedelta(days=8)  # with the look at what is gone
        scene.until_quiet()
        assert_same(scene)
        told = capfd.readouterr()
        assert TOKEN not in told.out + told.err + " ".join(scene.told)
        assert all(wait >= 1 for wait in scene.waited)


def test_plain_requests_read_every_list_to_its_end(tmp_path: Path) -> None:
    """The fake is judged by a reader that knows nothing of ours."""
    with a_company(tmp_path, most=PAGE) as scene:
        ask = requests.Session()
        ask.headers["x-api-token"] = TOKEN
        for name in ("activities", "organizations", "persons", "products", "stages", "pipelines"):
            found, cursor = [], None
            while cursor or not found:
                answer = ask.get(f"{scene.api}/api/v2/{name}", params={"cursor": cursor} if cursor else {})
                answer.raise_for_status()
                found += answer.json()["data"]
                cursor = answer.json()["additional_data"]["next_cursor"]
            assert [one["id"] for one in found] == sorted(
                one["id"] for one in scene.crm.store.objects[name].values()
            )
        found, start = [], 0
        for path in ("leads", "leads/archived"):
            start = 0
            while start is not None:
                told = ask.get(f"{scene.api}/api/v1/{path}", params={"start": start}).json()
                found += told["data"] or []
                start = told["additional_data"]["pagination"].get("next_start")
        assert {one["id"] for one in found} == set(scene.crm.store.objects["leads"])
        assert ask.get(f"{scene.api}/api/v2/deals", params={"limit": 501}).status_code == 400
        assert ask.get(f"{scene.api}/api/v2/deals", params={"cursor": "x"}).status_code == 400
        assert requests.get(f"{scene.api}/api/v2/deals", timeout=5).status_code == 401


SCRIPT = """
const { v1, v2 } = require('pipedrive');
const at = process.argv[2];
const config = (v, path) => new v.Configuration({ apiKey: process.env.FAKE_TOKEN, basePath: at + path });
(async () => {
  const seen = {};
  const deals = new v2.DealsApi(config(v2, '/api/v2'));
  const read = async (name, ask) => {
    seen[name] = 0;
    let cursor;
    do {
      const page = await ask({ limit: 7, cursor });
      seen[name] += page.data.length;
      cursor = page.additional_data.next_cursor;
    } while (cursor);
  };
  await read('deals', (q) => deals.getDeals({ ...q, status: 'open,won,lost,deleted' }));
  await read('archived', (q) => deals.getArchivedDeals(q));
  await read('activities', (q) => new v2.ActivitiesApi(config(v2, '/api/v2')).getActivities(q));
  await read('persons', (q) => new v2.PersonsApi(config(v2, '/api/v2')).getPersons(q));
  const leads = await new v1.LeadsApi(config(v1, '/api/v1')).getLeads({ limit: 500 });
  seen.leads = leads.data.length;
  const log = await new v1.DealsApi(config(v1, '/api/v1')).getDealChangelog({ id: 3 });
  seen.changelog = (log.data || []).length;
  console.log(JSON.stringify(seen));
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
"""


def test_the_vendors_client_reads_the_fake(tmp_path: Path) -> None:
    """The npm package `pipedrive`, where there is node, and a registry or a folder that has it."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("there is no node here")
    home = Path(os.environ.get("ZEVEN_PIPEDRIVE_CLIENT", tmp_path))
    if not (home / "node_modules" / "pipedrive").exists():
        command = [
            "npm",
            "install",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--prefix",
            str(home),
            "pipedrive",
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip("npm cannot install the client `pipedrive` here")
    with a_company(tmp_path) as scene:
        script = home / "read_pipedrive.js"
        script.write_text(SCRIPT)
        environment = {**os.environ, "FAKE_TOKEN": TOKEN}
        done = subprocess.run(
            ["node", str(script), scene.api],
            cwd=home,
            capture_output=True,
            text=True,
            timeout=60,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        lists = scene.crm.store.objects
        archived = sum(one["is_archived"] for one in lists["deals"].values())
        assert json.loads(done.stdout) == {
            "deals": len(lists["deals"]) - archived,
            "archived": archived,
            "activities": len(lists["activities"]),
            "persons": len(lists["persons"]),
            "leads": sum(not one["is_archived"] for one in lists["leads"].values()),
            "changelog": len(lists["changelog"]["3"]["entries"]),
        }
