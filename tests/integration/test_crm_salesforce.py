"""Reading a made-up Salesforce org to the end, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from demo.render_salesforce import FIELDS, render
from demo.simulate import simulate
from orchestration.errors import SettingsError, SourceError
from orchestration.ingest.crm import raw_schema
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.objects import Object
from orchestration.ingest.crm.salesforce import KIND, diagnose
from orchestration.ingest.crm.salesforce_api import Api
from orchestration.ingest.crm.salesforce_login import login
from orchestration.ingest.crm.salesforce_objects import OBJECTS, ONLY
from orchestration.ingest.crm.salesforce_reader import SalesforceReader
from orchestration.ingest.crm.session import Patience
from orchestration.setting_sources import SalesforceSource
from orchestration.settings import load_settings
from tests.fakecrm.faults import Fault, Plan
from tests.fakecrm.salesforce import CLIENT, USER, FakeSalesforce
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store

ALL = {one.name: one for one in OBJECTS}
START = datetime(2026, 4, 1, 3, tzinfo=UTC)
DEAL = "Opportunity"


class Org:
    """A fake org, the clock of both sides, and the raw tables that are read into."""

    def __init__(self, store: Store, folder: Path, **options: Any) -> None:
        self.now = START
        self.fake = FakeSalesforce(store, clock=lambda: self.now, **options)
        self.plan, self.folder, self.address = Plan(), folder, ""
        self.con = duckdb.connect()
        self.findings: list[str] = []
        raw_schema.prepare(self.con, "raw_salesforce", ALL)
        self.bulk_from = 10_000
        self.settings: dict[str, Any] = {"fields": FIELDS}
        self.reader: SalesforceReader | None = None

    @contextmanager
    def served(self) -> Iterator[Org]:
        with serving(self.fake.routes(), self.plan) as self.address:
            yield self

    def open(self) -> SalesforceReader:
        source = SalesforceSource(kind="salesforce", instance=self.address, **self.settings)
        patience = Patience(attempts=6, first=0.0)
        api = Api(
            "sf",
            source,
            login("sf", source, patience),
            patience=patience,
            sleep=lambda seconds: None,
            clock=lambda: self.now,
        )
        return SalesforceReader(api, source, self.bulk_from)

    def run(self, *names: str) -> None:
        """As one run does."""
        self.reader = self.open()
        target = Landing(self.con, "raw_salesforce", "sf", self.now, self.folder)
        for name in names or ALL:
            self.reader.read(ALL[name], target)
        self.findings = target.findings

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def alive(self, name: str) -> dict[str, dict[str, Any]]:
        found = self.con.execute(
            f'select * from raw_salesforce."{name}" qualify row_number() over'
            " (partition by Id order by _batch_number desc, _source_row desc) = 1 and not _is_deleted"
        )
        names = [column[0] for column in found.description or ()]
        return {row[0]: dict(zip(names, row, strict=True)) for row in found.fetchall()}

    def assert_whole(self, *names: str) -> None:
        """Raw is the store: the same records with the same values."""
        for name in names or ALL:
            expected = {
                key: record
                for key, record in self.fake.store.objects[name].items()
                if _is_asked(name, record)
            }
            found = self.alive(name)
            assert found.keys() == expected.keys(), name
            own = {ours: ours for ours in (field.name for field in ALL[name].fields)}
            own |= {
                f"{key.partition('.')[2]}_z": theirs
                for key, theirs in self.settings.get("fields", {}).items()
                if key.startswith(f"{name}.")
            }
            for key, record in expected.items():
                for field in ALL[name].fields:
                    if field.kind != "email":
                        told = record.get(own[field.name])
                        assert _plain(found[key][field.name]) == _plain(told), (name, key, field.name)


def _is_asked(name: str, record: dict[str, Any]) -> bool:
    if name == "LeadHistory":
        return record["Field"] in ("Status", "leadConverted")
    if name == "OpportunityFieldHistory":
        return record["Field"] == "Owner"
    return name not in ONLY or record["UserType"] in ("Standard", "AutomatedProcess")


def _plain(value: Any) -> str:
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        return value.replace(".000+0000", "")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}"
    return str(value) if isinstance(value, bool) or not hasattr(value, "__float__") else f"{float(value):.6f}"


@pytest.fixture(autouse=True)
def credential(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZEVEN_SF_CLIENT_ID", CLIENT["client_id"])
    monkeypatch.setenv("ZEVEN_SF_CLIENT_SECRET", CLIENT["client_secret"])


def deals(number: int, *, same_stamp: int = 0, seed: int = 1) -> Store:
    """Opportunities, of which the first `same_stamp` were edited in the same second."""
    rng, store = Random(seed), Store()
    for count in range(number):
        at = (
            START
            - timedelta(days=10)
            + timedelta(seconds=0 if count < same_stamp else rng.randint(0, 700_000))
        )
        stamp = f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"
        key = f"006{count:012}AAA"
        store.put(
            DEAL,
            key,
            {
                "Id": key,
                "IsDeleted": False,
                "OwnerId": "005000000000001AAA",
                "StageName": "Proposal",
                "Amount": float(rng.randint(1, 10_000_000)) / 100,
                "Probability": 50.0,
                "CloseDate": "2026-05-01",
                "IsClosed": False,
                "IsWon": False,
                "CreatedDate": stamp,
                "SystemModstamp": stamp,
            },
        )
    return store


@pytest.fixture(scope="module")
def company() -> dict[str, dict[str, Any]]:
    return render(simulate(seed=11, scale=0.03, until=START.date(), years=1)).objects


def test_everything_is_read_by_pages_and_by_jobs(tmp_path: Path, company: dict[str, Any]) -> None:
    with Org(Store(company), tmp_path, page=60, job_page=70).served() as org:
        org.bulk_from = 150  # so that both ways are gone
        org.later(days=1)
        org.run()
        org.assert_whole()
        assert org.fake.jobs
        assert not org.findings
        before = len(org.plan.asked)
        org.later(days=1)
        org.run()
        again = org.plan.asked[before:]
        # a token, the list of objects, and two questions for each: nothing was changed
        assert len(again) == 2 + 2 * len(OBJECTS)
        rows = org.con.execute(
            "select count(*) from raw_salesforce.load_ledger where batch_id like '20260403%'"
        )
        assert rows.fetchall() == [(0,)]


def test_nothing_that_names_a_prospect_is_asked_for(tmp_path: Path, company: dict[str, Any]) -> None:
    with Org(Store(company), tmp_path).served() as org:
        org.later(days=1)
        org.run()
        asked = "\n".join(org.plan.asked)
        for object_, hidden in (("Lead", "Name"), ("Lead", "Company"), ("Contact", "Name")):
            of_object = [line for line in asked.splitlines() if f"FROM+{object_}+" in line]
            assert of_object
            assert not [line for line in of_object if f"{hidden}%2C" in line.replace(f"Campaign{hidden}", "")]
        for word in ("Phone", "Subject", "Description"):
            assert word not in asked
        emails = org.con.execute("select distinct length(Email) from raw_salesforce.Lead").fetchall()
        assert emails == [(64,)]


@pytest.mark.parametrize("bulk_from", [10_000, 1])
def test_deleted_merged_and_purged_records(tmp_path: Path, bulk_from: int) -> None:
    with Org(deals(50), tmp_path, page=20).served() as org:
        org.bulk_from = bulk_from
        org.run(DEAL)
        keys = sorted(org.fake.store.objects[DEAL])
        org.later(hours=1)
        org.fake.edit(DEAL, keys[0], IsDeleted=True)
        org.fake.purge(DEAL, keys[1])
        org.later(hours=1)
        org.run(DEAL)
        assert org.alive(DEAL)[keys[0]]["IsDeleted"] is True
        assert keys[1] in org.alive(DEAL)  # without a trace: the next look at all ids finds it
        org.later(days=7)
        org.run(DEAL)
        org.assert_whole(DEAL)
        assert keys[1] not in org.alive(DEAL)


def test_too_many_gone_at_once_are_kept_and_told(tmp_path: Path) -> None:
    with Org(deals(200), tmp_path).served() as org:
        org.run(DEAL)
        for key in sorted(org.fake.store.objects[DEAL])[:100]:
            org.fake.store.remove(DEAL, key)
        org.later(days=8)
        org.run(DEAL)
        assert len(org.alive(DEAL)) == 200
        assert "100 of 200 records of Opportunity can no longer be seen" in org.findings[0]


def test_a_field_that_appears_is_read_of_all_records(tmp_path: Path) -> None:
    with Org(deals(30), tmp_path).served() as org:
        org.fake.hidden = {f"{DEAL}.Probability"}
        org.run(DEAL)
        assert org.findings == ["Probability of Opportunity may not be seen and stays empty."]
        assert {row["Probability"] for row in org.alive(DEAL).values()} == {None}
        org.fake.hidden = set()
        org.later(days=1)
        org.run(DEAL)
        org.assert_whole(DEAL)


def test_what_may_not_be_seen_is_named(tmp_path: Path) -> None:
    with Org(deals(3), tmp_path).served() as org:
        org.fake.hidden = {f"{DEAL}.StageName"}
        with pytest.raises(SourceError, match="StageName of Opportunity may not be seen"):
            org.run(DEAL)
        org.fake.hidden = {DEAL}
        with pytest.raises(SourceError, match="Opportunity may not be read"):
            org.run(DEAL)
        org.fake.hidden = {"Campaign", "ForecastingQuota"}
        org.run("Campaign", "ForecastingQuota")
        assert org.findings == ["Campaign may not be read: without it, leads have no campaign."]


def test_another_stamp_where_the_first_cannot_be_filtered_by(tmp_path: Path) -> None:
    with Org(deals(30), tmp_path).served() as org:
        org.fake.hidden = {f"{DEAL}.SystemModstamp!"}
        for key in org.fake.store.objects[DEAL]:
            org.fake.edit(DEAL, key, LastModifiedDate="2026-03-30T10:00:00.000+0000")
        org.run(DEAL)
        assert org.plan.count(r"LastModifiedDate\+%3C\+") == 1
        org.assert_whole(DEAL)


def test_a_job_goes_on_where_it_was_ended(tmp_path: Path) -> None:
    with Org(deals(100), tmp_path, job_page=30).served() as org:
        org.bulk_from = 10
        org.plan.faults.append(Fault("GET .*results", 500, at=tuple(range(2, 8))))
        with pytest.raises(SourceError, match="gave no answer with 500"):
            org.run(DEAL)
        assert len(org.alive(DEAL)) == 30
        org.run(DEAL)
        assert len(org.fake.jobs) == 1
        org.assert_whole(DEAL)


def test_a_job_that_is_no_longer_known_is_asked_anew(tmp_path: Path) -> None:
    with Org(deals(100), tmp_path, job_page=30).served() as org:
        org.bulk_from = 10
        org.plan.faults.append(Fault("GET .*results", 500, at=tuple(range(2, 8))))
        with pytest.raises(SourceError):
            org.run(DEAL)
        org.fake.jobs.clear()
        org.run(DEAL)
        org.assert_whole(DEAL)


def test_the_days_calls_that_are_used_up_stop_cleanly(tmp_path: Path) -> None:
    with Org(deals(100), tmp_path, page=10, limit=6).served() as org:
        org.settings["api_share"] = 1.0
        with pytest.raises(SourceError, match="calls of a day are used up"):
            org.run(DEAL)
        read = len(org.alive(DEAL))
        assert 0 < read < 100
        org.fake.used, org.fake.limit = 0, 1000
        org.run(DEAL)
        org.assert_whole(DEAL)
        org.fake.used = 1000
        with pytest.raises(SourceError, match=r"budget of calls is used up.*REQUEST_LIMIT_EXCEEDED"):
            org.run(DEAL)


def test_a_share_of_the_calls_is_left_to_others(tmp_path: Path) -> None:
    with Org(deals(100), tmp_path, page=10, limit=100).served() as org:
        org.fake.used, org.settings["api_share"] = 45, 0.5
        with pytest.raises(SourceError, match="50 of the org's 100 calls of a day are used up"):
            org.run(DEAL)
        assert org.fake.used == 50


@pytest.mark.parametrize("flow", ["password", "wrong"])
def test_other_ways_to_be_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flow: str) -> None:
    with Org(deals(3), tmp_path).served() as org:
        if flow == "wrong":
            monkeypatch.setenv("ZEVEN_SF_CLIENT_SECRET", "some-other-secret")
            with pytest.raises(SourceError, match="invalid_client") as caught:
                org.run(DEAL)
            assert "some-other-secret" not in str(caught.value)
            return
        monkeypatch.setenv("ZEVEN_SF_USERNAME", USER["username"])
        monkeypatch.setenv("ZEVEN_SF_PASSWORD", USER["password"].removesuffix("AndToken"))
        monkeypatch.setenv("ZEVEN_SF_SECURITY_TOKEN", "AndToken")
        org.run(DEAL)
        org.assert_whole(DEAL)


def test_a_missing_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEVEN_SF_CLIENT_SECRET")
    with (
        Org(deals(3), tmp_path).served() as org,
        pytest.raises(SettingsError, match="ZEVEN_SF_CLIENT_SECRET is not"),
    ):
        org.run(DEAL)


def test_a_field_of_the_settings_that_is_none(tmp_path: Path) -> None:
    with Org(deals(3), tmp_path).served() as org:
        org.settings["fields"] = {"Lead.Phone": "Phone"}
        with pytest.raises(SettingsError, match=r"Lead\.Phone is nothing that a field can be given for"):
            org.run(DEAL)
        org.settings["fields"] = {"Opportunity.LostReason": "Nowhere__c"}
        with pytest.raises(
            SourceError, match="Nowhere__c of Opportunity may not be seen, and the settings name it"
        ):
            org.run(DEAL)


def test_a_page_that_comes_twice_is_asked_for_again(tmp_path: Path) -> None:
    with Org(deals(50), tmp_path, page=10).served() as org:
        org.fake.repeats_pages_at = {2}
        org.run(DEAL)
        org.assert_whole(DEAL)
        assert org.plan.count("/query/01g") == 5
        org.fake.repeats_pages_at = set(range(6, 20))
        org.later(days=8)
        with pytest.raises(SourceError, match="the same page of a query again and again"):
            org.run(DEAL)


@pytest.mark.parametrize(("bulk_from", "job_page"), [(10_000, 50), (10, 20)])
def test_a_page_that_lacks_a_record_is_not_believed(tmp_path: Path, bulk_from: int, job_page: int) -> None:
    with Org(deals(50), tmp_path, page=10, job_page=job_page).served() as org:
        org.bulk_from = bulk_from
        org.fake.shortens_pages_at = {2}
        org.run(DEAL)
        org.assert_whole(DEAL)


def test_a_record_edited_while_it_is_read_does_not_move_the_position(tmp_path: Path) -> None:
    with Org(deals(30), tmp_path, page=10).served() as org:
        kept = org.fake.store.objects[DEAL]
        keys = sorted(kept, key=lambda key: (kept[key]["SystemModstamp"], key))

        def edits() -> None:
            org.later(minutes=5)
            org.fake.edit(DEAL, keys[0], Amount=1.0)
            org.later(minutes=60)
            org.fake.edit(DEAL, keys[15], Amount=2.0)

        org.plan.faults.append(Fault("/query/01g", "meanwhile", (1,), act=edits))
        org.plan.faults.append(Fault("/query/01g", 500, tuple(range(2, 8))))
        with pytest.raises(SourceError):
            org.run(DEAL)
        org.plan.faults.clear()
        org.later(minutes=5)
        org.run(DEAL)
        org.assert_whole(DEAL)


KINDS: tuple[int | str, ...] = (429, 500, 503, "drop", "truncate", "expire", "edit", "delete", "repeat")


def attempt(tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    """Things go wrong and records are edited meanwhile; when it is quiet again, raw is the store."""
    rng = Random(seed)
    store = deals(rng.randint(40, 160), same_stamp=rng.choice((0, 70)), seed=seed)
    org = Org(store, tmp_path, page=rng.choice((7, 20, 50)), job_page=rng.choice((15, 40)))
    org.bulk_from = rng.choice((10, 60, 10_000))
    said: list[str] = []

    def act(kind: str) -> Any:
        def happen() -> None:
            key = rng.choice(sorted(store.objects[DEAL]))
            org.now += timedelta(seconds=1)
            if kind == "edit":
                org.fake.edit(DEAL, key, Amount=float(rng.randint(1, 9_999)))
            elif kind == "delete" and rng.random() < 0.5:
                org.fake.edit(DEAL, key, IsDeleted=True)
            elif kind == "delete":
                org.fake.purge(DEAL, key)
            elif kind == "repeat":
                org.fake.repeats_pages_at.add(org.fake._given_pages + 1)
            else:
                org.fake.expire_tokens()

        return happen

    for kind in rng.choices(KINDS, k=rng.randint(1, 8)):
        at = tuple(sorted(rng.sample(range(1, 12), rng.randint(1, 3))))
        if isinstance(kind, str) and kind not in ("drop", "truncate"):
            org.plan.faults.append(Fault("(query|sobjects)", "meanwhile", at, act=act(kind)))
        else:
            after = 0.0 if kind == 429 else None
            org.plan.faults.append(
                Fault(rng.choice(("query", "results", "token", "describe")), kind, at, after)
            )
    with org.served():
        for _ in range(8):
            org.later(minutes=30)
            try:
                org.run(DEAL)
            except SourceError as error:
                said.append(str(error))
        org.plan.faults.clear()
        org.fake.repeats_pages_at.clear()
        org.later(days=8)
        org.run(DEAL)
        org.assert_whole(DEAL)
        before = len(org.plan.asked)
        org.later(minutes=20)
        org.run(DEAL)
        assert len(org.plan.asked) - before == 4
    stray = org.con.execute(
        "select Id from raw_salesforce.Opportunity where not _is_deleted"
        " group by Id, _record_hash, SystemModstamp having count(*) > 1 + count(*) filter (where _is_deleted)"
    ).fetchall()
    assert not stray, "a version was kept twice"
    told = capfd.readouterr()
    everything = "\n".join(
        [*said, told.out, told.err, str(org.con.execute("from raw_salesforce.cursors").fetchall())]
    )
    assert CLIENT["client_secret"] not in everything
    assert "made-up-token" not in everything


@pytest.mark.parametrize("seed", range(6))
def test_whatever_goes_wrong_raw_becomes_the_store(
    tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]
) -> None:
    attempt(tmp_path, seed, capfd)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 300))
def test_whatever_goes_wrong_many_times(tmp_path: Path, seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    attempt(tmp_path, seed, capfd)


def test_the_kind_is_declared_once() -> None:
    assert list(KIND.TABLES) == list(ALL)
    assert all(isinstance(one, Object) for one in KIND.TABLES.values())


def test_the_doctor_says_what_may_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Org(deals(3), tmp_path).served() as org:
        file = tmp_path / "zeven.toml"
        file.write_text(
            f'[company]\nname = "x"\n[sources.sf]\nkind = "salesforce"\ninstance = "{org.address}"\n',
            encoding="utf-8",
        )
        settings = load_settings(file, environ={})
        org.fake.hidden = {"Campaign", "Lead.Industry", "ForecastingQuota"}
        told = {one.about: one for one in diagnose(settings, "sf")}
        assert told["credential"].verdict == told["Opportunity"].verdict == told["budget"].verdict == "ok"
        assert "Industry" in told["Lead"].message
        assert told["Campaign"].message == "Campaign may not be read: without it, leads have no campaign."
        assert "ForecastingQuota" not in told
        assert org.plan.count("query") == 0
        monkeypatch.delenv("ZEVEN_SF_CLIENT_ID")
        assert [one.verdict for one in diagnose(settings, "sf")] == ["wrong"]
