"""`zeven doctor` on a CRM: the credential, what it may read and what that costs, and the budget."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from published_company import settings_in
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestration.cli import cli
from orchestration.commands.doctor import Finding, examine
from orchestration.ingest.crm.diagnosis import Diagnosis, of_budget, of_fields, of_variables
from orchestration.ingest.crm.kind import CrmKind, Reader
from orchestration.ingest.crm.objects import declare
from orchestration.ingest.crm.session import CrmSession, Patience
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings, load_settings
from tests.fakecrm.faults import Fault, Plan
from tests.fakecrm.server import serving

LEAD = declare("lead", "id!", "converted_at instant", "campaign")
DEAL = declare("deal", "id!", "amount amount")
TOKEN = "t0ken-Wolfeschlegelstein"
VARIABLE = "ZEVEN_HUB_TOKEN"


class Crm:
    def __init__(self) -> None:
        self.plan = Plan()
        self.url = ""
        self.fields: dict[str, list[str]] = {
            "lead": ["id", "converted_at", "campaign", "name"],
            "deal": ["id", "amount"],
        }
        self.left = 800

    def routes(self) -> list[Route]:
        def may(request: Request) -> Response | None:
            wrong = request.headers.get("authorization") != f"Bearer {TOKEN}"
            return JSONResponse({"message": "no such token"}, 401) if wrong else None

        def me(request: Request) -> Response:
            return may(request) or JSONResponse({"name": "Noor"}, headers={"x-left": str(self.left)})

        def fields(request: Request) -> Response:
            known = self.fields.get(request.path_params["name"])
            return may(request) or JSONResponse(known, 200 if known is not None else 403)

        return [Route("/me", me), Route("/fields/{name}", fields)]

    def diagnose(self, settings: Settings, source: str) -> Iterable[Diagnosis]:
        """As a CRM's module does."""
        (variable,) = list(of_variables([VARIABLE]))
        yield variable
        if variable.verdict == "wrong":
            return
        session = CrmSession(
            source,
            lambda: {"Authorization": f"Bearer {os.environ[VARIABLE]}"},
            judge_answer=lambda answer: "expired" if answer.status_code == 401 else "good",
            patience=Patience(attempts=1),
        )
        me = session.get(f"{self.url}/me")
        yield Diagnosis("credential", "ok", f"the token of {me.json()['name']} works")
        costs = {"converted_at": "no lead counts as converted", "": "there are no closed sales"}
        for one in (LEAD, DEAL):
            yield of_fields(one, session.get(f"{self.url}/fields/{one.name}").json(), costs)
        yield of_budget(int(me.headers["x-left"]), 1000)


def no_reader(settings: Settings, source: str) -> Reader:
    raise NotImplementedError


@pytest.fixture
def crm(monkeypatch: pytest.MonkeyPatch) -> Iterator[Crm]:
    crm = Crm()
    monkeypatch.setitem(KINDS, "hubspot", CrmKind("hubspot", [LEAD, DEAL], no_reader, crm.diagnose))
    monkeypatch.setenv(VARIABLE, TOKEN)
    with serving(crm.routes(), crm.plan) as url:
        crm.url = url
        yield crm


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = settings_in(tmp_path)
    text = settings.file.read_text() + '[sources.hub]\nkind = "hubspot"\n'
    settings.file.write_text(text)
    return load_settings(settings.file, environ={})


def looks(settings: Settings) -> dict[str, list[Finding]]:
    """The findings on the CRM by subject."""
    found: dict[str, list[Finding]] = {}
    for one in examine(lambda: settings):
        if one.subject.startswith("source hub"):
            found.setdefault(one.subject, []).append(one)
            assert TOKEN not in one.message + one.advice
    return found


def test_a_credential_that_may_read_everything(crm: Crm, settings: Settings) -> None:
    found = looks(settings)
    assert {one.verdict for some in found.values() for one in some} == {"ok"}
    assert [one.message for one in found["source hub: credential"]] == [
        f"{VARIABLE} in the environment",
        "the token of Noor works",
    ]
    assert found["source hub: lead"][0].message == "3 fields may be read"
    assert found["source hub: budget"][0].message == "800 of 1,000 calls of today are left"
    shown = CliRunner().invoke(cli, ["doctor", "--settings", str(settings.file)])
    assert shown.exit_code == 0, shown.output
    assert "source hub: credential" in shown.stdout
    assert TOKEN not in shown.output


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_missing_is_named(
    crm: Crm, settings: Settings, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(VARIABLE) if value is None else monkeypatch.setenv(VARIABLE, value)
    found = looks(settings)
    assert list(found) == ["source hub: credential"]
    (only,) = found["source hub: credential"]
    assert (only.verdict, only.message) == ("wrong", f"{VARIABLE} is not in the environment.")
    assert only.advice == "Set it where the run is started; never in zeven.toml."
    assert crm.plan.asked == [], "without it, nobody is asked"


def test_a_token_that_does_not_work_ends_the_look_and_is_told(
    crm: Crm, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"{TOKEN}-old")
    found = looks(settings)
    assert list(found) == ["source hub: credential", "source hub"]
    (said,) = found["source hub"]
    assert said.verdict == "wrong"
    assert said.message.startswith("hub: the CRM takes neither the credential nor a new token for GET /me")
    told = CliRunner().invoke(cli, ["doctor", "--settings", str(settings.file), "--json"])
    assert told.exit_code == 1
    assert json.loads(told.stdout)["wrong"] == 1
    assert TOKEN not in told.output


def test_what_may_not_be_read_says_what_it_costs(crm: Crm, settings: Settings) -> None:
    crm.fields = {"lead": ["ID", "Name"]}
    found = looks(settings)
    (lead,), (deal,) = found["source hub: lead"], found["source hub: deal"]
    assert lead == Finding(
        "source hub: lead",
        "warning",
        "May not be read, or is not there: converted_at (no lead counts as converted), campaign.",
        "Let the user of the credential see it, or leave it where nobody uses it.",
    )
    assert (deal.verdict, deal.message) == (
        "wrong",
        "deal may not be read: without it, there are no closed sales.",
    )
    crm.fields["lead"] = ["converted_at", "campaign"]
    assert looks(settings)["source hub: lead"][0].verdict == "wrong", "nothing can be kept without its id"


@pytest.mark.parametrize(
    ("left", "verdict", "said"),
    [
        (1000, "ok", "1,000 of 1,000 calls of today are left"),
        (99, "warning", "Only 99 of 1,000 calls of today are left."),
        (0, "wrong", "None of 1,000 calls of today are left."),
    ],
)
def test_the_budget(crm: Crm, settings: Settings, left: int, verdict: str, said: str) -> None:
    crm.left = left
    (found,) = looks(settings)["source hub: budget"]
    assert (found.verdict, found.message) == (verdict, said)
    assert bool(found.advice) == (verdict != "ok")


def test_a_crm_that_is_down_hides_no_other_finding(crm: Crm, settings: Settings) -> None:
    crm.plan.faults = [Fault("GET /fields/deal", "drop")]
    found = looks(settings)
    assert found["source hub: lead"][0].verdict == "ok"
    assert "gave no answer" in found["source hub"][0].message
    subjects = {one.subject for one in examine(lambda: settings)}
    assert {"source demo", "writer", "release"} <= subjects


def test_a_look_that_breaks_down_shows_no_secret(
    crm: Crm, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(_: Settings, source: str) -> Iterable[Diagnosis]:
        raise RuntimeError(f"no header {TOKEN}\x1b[2J")

    monkeypatch.setattr(KINDS["hubspot"], "diagnose", break_down)
    ((found,),) = looks(settings).values()
    assert found.message == r"could not be examined (RuntimeError: no header ***\x1b[2J)."


def test_a_kind_without_a_diagnosis_is_said(
    crm: Crm, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KINDS["hubspot"], "diagnose", None)
    ((found,),) = looks(settings).values()
    assert (found.verdict, found.message) == ("ok", "of kind hubspot, which is only examined by a run")


def test_a_budget_of_unknown_size() -> None:
    assert of_budget(7, 0, "calls").message == "7 calls are left"
    assert of_budget(0, 0, "calls").message == "No calls are left."
