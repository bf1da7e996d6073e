"""`zeven forget` as people and machines meet it: options, sentences, exit codes, and no address anywhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from erased_company import EMAIL, MARKER, build_and_publish, company_in, raw

from orchestration.cli import cli
from orchestration.commands.doctor import examine
from orchestration.erasure import forget as erasure
from orchestration.erasure import note
from orchestration.erasure.people import Person
from orchestration.publish.catalogue import current
from orchestration.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    settings = company_in(tmp_path)
    build_and_publish(settings)
    monkeypatch.setattr(erasure, "_run", build_and_publish)
    return settings


def zeven(settings: Settings, *arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(cli, ["forget", *arguments, "--settings", str(settings.file)], input=given)


def test_an_address_comes_from_stdin_and_is_never_said(settings: Settings) -> None:
    before = current(settings)
    assert before is not None
    done = zeven(settings, "--email", given=f"  {EMAIL} \n")
    assert done.exit_code == 0, done.output
    said = " ".join(done.stdout.split())
    now = current(settings)
    assert now is not None
    for sentence in (
        "The person is forgotten; a tombstone keeps it out of later loads.",
        "leads: 3 rows removed",
        "opportunities: 1 rows kept without the person",
        f"Release {now.release_id} is published without the person.",
        f"Release {before.release_id} held the person and is removed.",
        "What is left for you to do:",
        f"Remove the person from {settings.sources['crm'].folder / 'leads.csv'}",
        "Remove the person in the CRM",
        "backups and copies",
        "Reload pages",
        "run `zeven forget --account`",
    ):
        assert sentence in said, (sentence, said)
    assert EMAIL.lower() not in done.output.lower()
    assert MARKER not in done.output


def test_a_machine_gets_one_document(settings: Settings) -> None:
    done = zeven(settings, "--lead", "lead1", "--json")
    answer = json.loads(done.stdout)
    assert (answer["outcome"], answer["leads"]) == ("forgotten", 3)
    assert answer["rows"]["activities"] == {"removed": 2, "cleared": 3}
    again = zeven(settings, "--lead", "lead1")
    assert again.exit_code == 0
    assert again.stdout.startswith("The person was forgotten at ")
    refused = zeven(settings, "--lead", "lead99", "--json")
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["error"]["message"].startswith("There is no such lead")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--lead", "lead1", "--email"),
        ("--lead", ""),
        ("--lead", "lead1", "--account", "acc1"),
        ("--anyway",),
    ],
)
def test_exactly_one_person_is_named(settings: Settings, arguments: tuple[str, ...]) -> None:
    done = zeven(settings, *arguments)
    assert done.exit_code == 2
    assert "Say whom to forget, with one of --lead ID" in done.stderr
    assert raw(settings, "select count(*) from raw_files.leads") == [(5,)]


def test_no_address_on_stdin_is_refused(settings: Settings) -> None:
    done = zeven(settings, "--email")
    assert done.exit_code == 2
    assert "expected one e-mail address on stdin" in done.stderr


def test_the_doctor_tells_of_an_erasure_that_is_not_finished(settings: Settings) -> None:
    assert [finding for finding in examine(lambda: settings) if finding.subject == "erasure"] == []
    note.write(settings, Person(leads={"crm:lead1"}))
    [finding] = [finding for finding in examine(lambda: settings) if finding.subject == "erasure"]
    assert (finding.verdict, finding.advice) == ("wrong", "Run the same `zeven forget` again.")
    note.file_of(settings).write_text("{")
    done = zeven(settings, "--lead", "lead1")
    assert done.exit_code == 1
    assert "the note of an unfinished erasure cannot be read" in done.stderr
