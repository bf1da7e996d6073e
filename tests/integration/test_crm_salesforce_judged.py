"""The made-up Salesforce is judged by clients of others: it shows them all it holds, as the vendor does."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.bulk2 import Operation, _Bulk2Client
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from demo.render_salesforce import render
from demo.simulate import simulate
from tests.fakecrm.salesforce import CLIENT, FIELDS, FakeSalesforce
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store

UNTIL = datetime(2026, 3, 31, tzinfo=UTC)


class _Plain(HTTPAdapter):
    """simple-salesforce knows only https."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = str(request.url).replace("https://", "http://", 1)
        return super().send(request, *args, **options)


@pytest.fixture(scope="module")
def fake() -> FakeSalesforce:
    company = render(simulate(seed=11, scale=0.02, until=UNTIL.date(), years=1))
    return FakeSalesforce(Store(company.objects), page=50, job_page=40)


@pytest.fixture(scope="module")
def address(fake: FakeSalesforce) -> Iterator[str]:
    with serving(fake.routes()) as address:
        yield address


def token_of(address: str) -> str:
    asked = {"grant_type": "client_credentials", **CLIENT}
    return str(
        requests.post(f"{address}/services/oauth2/token", data=asked, timeout=10).json()["access_token"]
    )


@pytest.fixture
def client(address: str) -> Salesforce:
    session = requests.Session()
    session.mount("https://", _Plain())
    return Salesforce(
        instance_url=address.replace("http://", "https://"),
        session_id=token_of(address),
        version="62.0",
        session=session,
    )


@pytest.mark.parametrize("name", FIELDS)
def test_simple_salesforce_reads_everything(client: Salesforce, fake: FakeSalesforce, name: str) -> None:
    described = {field["name"] for field in getattr(client, name).describe()["fields"]}
    fields = sorted(described)
    query = f"SELECT {', '.join(fields)} FROM {name} ORDER BY Id"
    found = {row["Id"]: row for row in client.query_all_iter(query, include_deleted=True)}
    expected = fake.store.objects[name]
    assert found.keys() == expected.keys()
    for key, record in expected.items():
        told = {field: value for field, value in record.items() if field in described and value is not None}
        assert {field: found[key][field] for field in told} == told
    shown = {row["Id"] for row in client.query_all_iter(query)}
    assert shown == {key for key, record in expected.items() if not record.get("IsDeleted")}
    assert client.api_usage["api-usage"].total == fake.limit


@pytest.mark.parametrize("name", ["Lead", "Opportunity", "Task", "User"])
def test_simple_salesforce_reads_by_jobs(client: Salesforce, fake: FakeSalesforce, name: str) -> None:
    bulk = _Bulk2Client(name, client.bulk2_url, client.headers, client.session)
    job = bulk.create_job(Operation.query_all, query=f"SELECT Id, SystemModstamp FROM {name}")["id"]
    bulk.wait_for_job(job, is_query=True, wait=0.01)
    rows: dict[str, str] = {}
    locator = ""
    while True:
        page = bulk.get_query_results(job, locator, 1000)
        read = list(csv.DictReader(io.StringIO(page["records"])))
        assert len(read) == page["number_of_records"]
        rows |= {row["Id"]: row["SystemModstamp"] for row in read}
        locator = page["locator"]
        if not locator:
            break
    stamps = {key: row["SystemModstamp"] for key, row in fake.store.objects[name].items()}
    assert {key: stamp.replace("Z", "+0000") for key, stamp in rows.items()} == stamps


def test_errors_are_understood(client: Salesforce, fake: FakeSalesforce) -> None:
    for query, code in (
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Nothing FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead GROUP BY Id", "MALFORMED_QUERY"),
        ("SELECT Id FROM", "MALFORMED_QUERY"),
    ):
        with pytest.raises(SalesforceMalformedRequest) as caught:
            client.query(query)
        assert caught.value.content[0]["errorCode"] == code
    with pytest.raises(SalesforceResourceNotFound):
        client.Nothing.describe()
    fake.hidden = {"Campaign"}
    with pytest.raises(SalesforceResourceNotFound):
        client.Campaign.describe()
    fake.hidden = set()
    used, fake.used = fake.used, fake.limit
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        client.query("SELECT Id FROM Lead")
    fake.used = used
    fake.expire_tokens()
    with pytest.raises(SalesforceExpiredSession):
        client.query("SELECT Id FROM Lead")


def test_what_was_deleted_is_listed(client: Salesforce, fake: FakeSalesforce) -> None:
    fake.put("Campaign", "701000000009999AAA", Name="for a moment", IsDeleted=False)
    fake.purge("Campaign", "701000000009999AAA")
    now = datetime.now(UTC)
    found = client.Campaign.deleted(now - timedelta(hours=1), now + timedelta(hours=1))
    assert [row["id"] for row in found["deletedRecords"]] == ["701000000009999AAA"]


JSFORCE = """
const jsforce = require('@jsforce/jsforce-node');
(async () => {
  const [address, accessToken, names] = process.argv.slice(1);
  const conn = new jsforce.Connection({ instanceUrl: address, accessToken, version: '62.0' });
  const told = {};
  for (const name of names.split(',')) {
    const fields = (await conn.describe(name)).fields.length;
    const query = `SELECT Id FROM ${name} ORDER BY Id`;
    const rest = await conn.query(query, { autoFetch: true, maxFetch: 1000000, scanAll: true });
    const job = await conn.bulk2.query(`SELECT Id FROM ${name}`, { scanAll: true, pollInterval: 10 });
    const bulk = await job.toArray();
    told[name] = { fields, rest: rest.records.map(r => r.Id), bulk: bulk.map(r => r.Id) };
  }
  console.log(JSON.stringify(told));
})().catch(error => { console.error(error); process.exit(1); });
"""


def test_jsforce_reads_the_same(address: str, fake: FakeSalesforce) -> None:
    """`npm install @jsforce/jsforce-node` somewhere, and name that folder in ZEVEN_JSFORCE."""
    folder, node = os.environ.get("ZEVEN_JSFORCE"), shutil.which("node")
    if not folder or not node:
        pytest.skip("needs node, and in ZEVEN_JSFORCE a folder with @jsforce/jsforce-node")
    fake.job_page = 50_000  # jsforce fails at a second page of results: it writes after its stream's end
    names = ["Lead", "Opportunity", "OpportunityHistory", "Task"]
    assert urlsplit(address).hostname == "127.0.0.1"
    run = subprocess.run(
        [node, "-e", JSFORCE, address, token_of(address), ",".join(names)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    for name in names:
        expected = sorted(fake.store.objects[name])
        assert told[name]["rest"] == expected
        assert sorted(told[name]["bulk"]) == expected
        assert told[name]["fields"] == len(FIELDS[name].split()) + 1 + len(
            {"CreatedDate", "SystemModstamp", "LastModifiedDate"} - set(FIELDS[name].split())
        )
