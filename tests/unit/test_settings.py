"""`zeven.toml`: what is accepted, and the one sentence with the line for everything that is not."""

# ruff: noqa: E501 (the sentences are quoted whole)
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from orchestration.errors import SettingsError
from orchestration.settings import PROJECT_ROOT, load_settings, settings_path

BASE = """\
[company]
name = "X"
[sources.crm]
kind = "files"
folder = "in"
"""  # the next line is line 6


def write(folder: Path, text: str) -> Path:
    file = folder / "zeven.toml"
    file.write_text(text, encoding="utf-8")
    return file


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(write(folder, text), environ={})
    sentence = str(refused.value)
    assert sentence.startswith(str(folder)), "a refusal begins with the file"
    assert sentence.count("\n") == 0, "a refusal is one sentence"
    return sentence.removeprefix(f"{folder}/")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        # unknown keys, with and without a near miss
        (
            BASE + '[run]\nmemory_limt = "1GB"',
            "7: run.memory_limt: unknown key, did you mean 'memory_limit'?",
        ),
        (BASE + "[runn]\n", "6: runn: unknown key, did you mean 'run'?"),
        (BASE + "zebra = 1", "6: sources.crm.zebra: unknown key. Remove it."),
        (
            BASE + '[sources.crm.tables.leads]\nfile = "x"',
            "7: sources.crm.tables.leads.file: unknown key, did you mean 'files'?",
        ),
        ("file = 'x'\n" + BASE, "1: file: unknown key. Remove it."),
        # missing
        ("", "1: company: this key is required and missing. (1 more after this one)"),
        (
            "[company]\nname = 'X'\n[sources]",
            "3: sources: no source is given; add a table such as [sources.crm] with kind and folder.",
        ),
        (
            BASE + "[[leads.exclude]]\nreason = 'test'",
            "6: leads.exclude.0.condition: this key is required and missing.",
        ),
        # a source that adds to another one
        (
            BASE + "adds_to = 'hubspot'",
            "3: sources: crm.adds_to names 'hubspot', which must be another source with records of its own; there"
            " is none.",
        ),
        (
            BASE + "adds_to = 'plan'\n[sources.plan]\nkind = 'files'\nfolder = 'plan'\nadds_to = 'crm'",
            "3: sources: crm.adds_to names 'plan', which must be another source with records of its own; there is"
            " none.",
        ),
        # types
        ("[company]\nname = 3", "2: company.name: this must be text in quotes (found 3)."),
        ("company = 3\nsources = {}", "1: company: this must be a table, with keys of its own (found 3)."),
        (
            BASE + "[run]\nwait_seconds = '5'",
            "7: run.wait_seconds: this must be a whole number, without quotes (found '5').",
        ),
        (
            BASE + "[run]\nwait_seconds = true",
            "7: run.wait_seconds: this must be a whole number, without quotes (found True).",
        ),
        (BASE + "[run]\nas_of = 2026-01-01", "7: run.as_of: this must be text in quotes."),
        (
            BASE + "null_values = 'NULL'",
            "6: sources.crm.null_values: this must be a list, in square brackets (found 'NULL').",
        ),
        (
            BASE + "max_quarantine_ratio = 'few'",
            "6: sources.crm.max_quarantine_ratio: this must be a number, without quotes (found 'few').",
        ),
        (
            BASE + "[paths]\nwarehouse = 3",
            "7: paths.warehouse: this must be the path of a folder, in quotes (found 3).",
        ),
        (
            BASE + "[response]\nexclude_sources = ['a', 1]",
            "7: response.exclude_sources.1: this must be text in quotes (found 1).",
        ),
        # values
        ("[company]\nname = ''\n" + BASE[21:], "2: company.name: this must not be empty"),
        (
            BASE + "time_zone = 'Mars'",
            "6: sources.crm.time_zone: this is no time zone of the IANA list; write for example 'Europe/Amsterdam' (found 'Mars').",
        ),
        (
            BASE.replace('"X"', '"X"\ncurrency = "euro"'),
            "3: company.currency: write the three capitals of an ISO 4217 currency, such as 'EUR' (found 'euro').",
        ),
        (
            BASE.replace('"X"', '"X"\nfiscal_year_start_month = 13'),
            "3: company.fiscal_year_start_month: input should be less than or equal to 12 (found 13).",
        ),
        (
            BASE + "[business_hours]\nmonday = '17:00-09:00'",
            "7: business_hours.monday: write 'closed' or the opening hours of one day, such as '09:00-17:00' (found '17:00-09:00').",
        ),
        (
            BASE + "[run]\nas_of = 'soon'",
            "7: run.as_of: 'soon' is neither 'now', a date such as 2026-03-31 nor an instant such as 2026-03-31T18:00:00+02:00.",
        ),
        (
            BASE + "[run]\nas_of = '0001-01-01'",
            "7: run.as_of: '0001-01-01' is not between the years 1900 and 2200.",
        ),
        (
            BASE + "[run]\nmemory_limit = 'lots'",
            "7: run.memory_limit: write a number and MB, GB, MiB or GiB, such as '4GB' (found 'lots').",
        ),
        (
            BASE + "[release]\nkeep = 0",
            "7: release.keep: input should be greater than or equal to 1 (found 0).",
        ),
        (BASE + "delimiter = ';;'", "6: sources.crm.delimiter: this must be one character (found ';;')."),
        (
            BASE + "encoding = 'cp850'",
            "6: sources.crm.encoding: input should be 'utf-8', 'windows-1252', 'latin-1' or 'utf-16' (found 'cp850').",
        ),
        (
            BASE.replace("sources.crm", "sources.My-CRM"),
            "3: sources.My-CRM: a source's name is small letters, digits and _, starts with a letter and has at most 31 characters (found 'My-CRM').",
        ),
        (
            BASE.replace('"in"', '"${EXPORTS}/in"'),
            "5: sources.crm.folder: the environment variable EXPORTS is not set (found '${EXPORTS}/in').",
        ),
        (BASE.replace('"in"', '" "'), "5: sources.crm.folder: this must be the path of a folder, not empty"),
        (
            BASE + "[paths]\npublished = 'warehouse/out'",
            "6: paths: warehouse and published must be two folders, none inside the other.",
        ),
        # several at once: the topmost, and how many more; a misspelt key before the missing one it explains
        (
            BASE + "quote = ''\n[run]\nwait_seconds = -1",
            "6: sources.crm.quote: this must be one character (found ''). (1 more after this one)",
        ),
        (
            BASE.replace("folder", "foldr"),
            "5: sources.crm.foldr: unknown key, did you mean 'folder'? (1 more after this one)",
        ),
        # no TOML at all
        (BASE + "[broken", "is no valid TOML: Expected ']' at the end of a table declaration"),
        ("x = 1\nx = 2", "is no valid TOML: Cannot overwrite a value"),
    ],
)
def test_refuses_in_one_sentence_with_the_line(tmp_path: Path, text: str, sentence: str) -> None:
    found = refusal(tmp_path, text)
    prefix = "zeven.toml: " if sentence.startswith("is no valid TOML") else "zeven.toml:"
    assert found.startswith(prefix + sentence)


@pytest.mark.parametrize(
    ("text", "line", "key"),
    [
        ("company.name = 'X'\nrun.wait_seconds = -1\n", 2, "run.wait_seconds"),
        ("company = { name = 'X', currency = 'x' }\n", 1, "company.currency"),
        ("[company]\nname = 'X'\n\n[ 'run' ]\n'wait_seconds'=-1\n", 5, "run.wait_seconds"),
        (
            '[company]\nname = """\n[run]\nwait_seconds = -1\n"""\n[run]\n# wait_seconds\nwait_seconds = -1',
            8,
            "run.wait_seconds",
        ),
        ("[company]\nname = 'X' # [run]\n[run] # wait\n  wait_seconds   =   -1", 4, "run.wait_seconds"),
        (
            "[company]\nname = 'X'\n[[leads.exclude]]\nreason='a'\ncondition='b'\n[[leads.exclude]]\nreason='c'\ncondition=''",
            8,
            "leads.exclude.1.condition",
        ),
        (
            "[company]\nname = 'X'\n[leads]\nexclude = [\n  { reason = 'a', condition = 'b' }, # ]\n  { reason = 'c', condition = 1 },\n]",
            6,
            "leads.exclude.1.condition",
        ),
        (
            "[company]\nname = 'X'\n[response]\nexclude_sources = [\n 'a',\n 'b]',\n 3,\n]",
            7,
            "response.exclude_sources.2",
        ),
        ("[company]\nname = 'X'\r\n[run]\r\nwait_seconds = -1\r\n", 4, "run.wait_seconds"),
    ],
)
def test_finds_the_line_in_unusual_layouts(tmp_path: Path, text: str, line: int, key: str) -> None:
    found = refusal(tmp_path, text + "\n[sources.crm]\nkind = 'files'\nfolder = 'in'\n")
    assert found.startswith(f"zeven.toml:{line}: {key}: ")


def test_finds_the_line_of_a_quoted_column_in_a_mapping(tmp_path: Path) -> None:
    text = (
        BASE + '[sources.crm.tables.leads]\nfiles = "x.csv"\ncolumns."a.b \\"c" = "d"\ncolumns.status = 4\n'
    )
    assert refusal(tmp_path, text).startswith("zeven.toml:9: sources.crm.tables.leads.columns.status: ")


def test_paths_are_seen_from_the_file_and_may_hold_variables(tmp_path: Path) -> None:
    text = BASE.replace('"in"', '"${EXPORTS}/in"') + '[paths]\nwarehouse = "../w"\n'
    settings = load_settings(write(tmp_path, text), environ={"EXPORTS": "/data"})
    assert settings.sources["crm"].folder == Path("/data/in")
    assert settings.paths.warehouse == tmp_path.parent / "w"
    assert settings.paths.published == tmp_path / "published", "the default, too, is seen from the file"
    assert settings.file == tmp_path / "zeven.toml"


def test_a_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    settings = load_settings(write(tmp_path, BASE.replace('"in"', '"~/in"')))
    assert settings.sources["crm"].folder == Path("/home/ada/in")


def test_settings_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, BASE))
    with pytest.raises(ValidationError):
        settings.run.wait_seconds = 1  # type: ignore[misc]


def test_the_mark_of_a_windows_editor_is_tolerated(tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load_settings(file).company.name == "X"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(None, "no such settings file"), (b"name = '\xff'", "cannot be read as UTF-8 text")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    file = tmp_path / "other.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=sentence):
        load_settings(file)


def test_a_folder_instead_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(tmp_path)


def test_where_the_settings_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZEVEN_SETTINGS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings_path() == PROJECT_ROOT / "zeven.toml"
    here = write(tmp_path, BASE)
    assert settings_path() == here
    monkeypatch.setenv("ZEVEN_SETTINGS", "elsewhere.toml")
    assert settings_path() == tmp_path / "elsewhere.toml"
    assert settings_path(Path("asked.toml")) == tmp_path / "asked.toml"


@pytest.mark.parametrize(
    "line", ["0 5 * * *", "*/15 * * * *", "0 6-18/2 * * 1-5", "30 5,17 1 1,7 0", "0 5 * * 7"]
)
def test_a_good_schedule(tmp_path: Path, line: str) -> None:
    settings = load_settings(write(tmp_path, BASE + f'[run]\nschedule = "{line}"'))
    assert settings.run.schedule == line


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("every day", "write the five fields of a cron line"),
        ("0 5 * *", "write the five fields of a cron line"),
        ("60 5 * * *", "the minute of a cron line is *, or numbers from 0 to 59, not '60'"),
        ("0 5 0 * *", "the day of month of a cron line is *, or numbers from 1 to 31, not '0'"),
        ("0 18-9 * * *", "the hour of a cron line is *, or numbers from 0 to 23, not '18-9'"),
        ("0 5 * * MON", "the weekday of a cron line is *, or numbers from 0 to 7, not 'MON'"),
        ("*/0 5 * * *", "the minute of a cron line is *, or numbers from 0 to 59, not '*/0'"),
    ],
)
def test_a_bad_schedule(tmp_path: Path, line: str, reason: str) -> None:
    assert reason in refusal(tmp_path, BASE + f'[run]\nschedule = "{line}"')


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-31", "2026-03-31T21:59:59+00:00"),  # the last second of the day in Amsterdam, summer
        ("20260331", "2026-03-31T21:59:59+00:00"),
        ("2026-01-31", "2026-01-31T22:59:59+00:00"),  # winter
        ("2026-03-29", "2026-03-29T21:59:59+00:00"),  # the night of the clock change
        ("2026-03-31T18:00:00", "2026-03-31T16:00:00+00:00"),
        ("2026-03-31 18:00", "2026-03-31T16:00:00+00:00"),
        ("2026-03-31T18:00:00+05:00", "2026-03-31T13:00:00+00:00"),
        ("2026-03-31T18:00:00.9Z", "2026-03-31T18:00:00+00:00"),
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00+00:00"),
    ],
)
def test_as_of(tmp_path: Path, text: str, instant: str) -> None:
    settings = load_settings(write(tmp_path, BASE))
    assert settings.as_of(text) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "2026-03-31T25:00", "9999-12-31"])
def test_as_of_that_is_no_instant(tmp_path: Path, text: str) -> None:
    settings = load_settings(write(tmp_path, BASE))
    with pytest.raises(SettingsError, match=r"^as_of: "):
        settings.as_of(text)


@pytest.mark.parametrize("text", ["2026-03-29T02:30:00", "2026-10-25T02:30:00"])
def test_as_of_in_the_hour_in_which_the_clocks_change(tmp_path: Path, text: str) -> None:
    settings = load_settings(write(tmp_path, BASE))
    with pytest.raises(SettingsError, match="write it with its offset"):
        settings.as_of(text)


def test_as_of_now_is_the_given_clock(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, BASE))
    clock = datetime(2026, 5, 1, 12, 0, 0, 999, tzinfo=UTC)
    assert settings.as_of(now=clock) == datetime(2026, 5, 1, 12, tzinfo=UTC)
    fixed = load_settings(write(tmp_path, BASE + "[run]\nas_of = '2026-03-31'"))
    assert fixed.as_of(now=clock) == datetime(2026, 3, 31, 21, 59, 59, tzinfo=UTC)
    assert fixed.as_of("now", now=clock) == datetime(2026, 5, 1, 12, tzinfo=UTC), "the option wins"
