"""What is taken out of texts before they are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.errors import SettingsError, SourceError, ZevenError
from orchestration.progress import Event, report, reporting_to
from orchestration.settings import load_settings
from orchestration.speech import SECRET_NAME, speakable, without_secrets

ENVIRON = {"CRM_PASSWORD": "p@ss word/1", "API_TOKEN": "abc", "HOME": "/home/zeven", "MY_TOKEN": ""}


@pytest.mark.parametrize(
    "name",
    [
        "DB_PASSWORD",
        "PASSWORD",
        "crm_token",
        "TOKEN",
        "CLIENT_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "APIKEY",
        "SSH_PRIVATE_KEY",
        "GOOGLE_CREDENTIALS",
        "DB_PASS",
        "ZEVEN_HUBSPOT_TOKEN_2",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert SECRET_NAME.search(name)


@pytest.mark.parametrize(
    "name",
    ["PWD", "OLDPWD", "PATH", "KEYBOARD", "PASSAGE", "TOKENIZERS_PARALLELISM", "ZEVEN_SETTINGS", "HOME"],
)
def test_names_of_others(name: str) -> None:
    assert not SECRET_NAME.search(name)


def test_secrets_are_hidden_as_they_are_and_as_they_stand_in_an_address() -> None:
    said = "p@ss word/1, p%40ss%20word/1, p%40ss%20word%2F1, abc in abcess, /home/zeven"
    assert without_secrets(said, ENVIRON) == "***, ***, ***, abc in abcess, /home/zeven"


@pytest.mark.parametrize(
    ("value", "said", "shown"),
    [
        ("postgresql://zeven:s3cret-word@db:5432/crm", "s3cret-word at db", "*** at db"),
        ("mysql://zeven:p%40ss%2Fword@db/crm", "p%40ss%2Fword, p@ss/word", "***, ***"),
        ("mysql://zeven:p@ss/word@db/crm", "p@ss/word@db", "***@db"),
        ("postgresql://zeven:abc@db/crm", "postgresql://zeven:abc@db/crm in abcess", None),
        ("postgresql://db/crm?sslmode=require&password=s3cret-word", "s3cret-word, require", "***, require"),
        ("postgresql://zeven@db:5432/crm", "postgresql://zeven@db:5432/crm", None),
        ("https://example.com/page", "https://example.com/page", None),
    ],
)
def test_the_password_of_an_address_is_hidden_whatever_the_variable_is_named(
    value: str, said: str, shown: str | None
) -> None:
    shown = said.replace(":abc@", ":***@") if shown is None else shown
    assert without_secrets(said, {"ZEVEN_CRM_URL": value}) == shown
    whole = without_secrets(value, {"ZEVEN_CRM_URL": value})
    assert not [part for part in ("s3cret", "word@", ":abc@") if part in whole]
    assert whole.rpartition("@")[2].startswith(value.rpartition("@")[2].partition("?")[0])


def test_what_a_terminal_obeys_is_written_out() -> None:
    assert speakable("a\x1b[31mb\r\u202ec\x9bd\ud800", {}) == "a\\x1b[31mb\\r\\u202ec\\x9bd\\ud800"
    assert speakable("two\nlines, é, 漢, 😀, \u200d", {}) == "two\nlines, é, 漢, 😀, \u200d"


def test_every_error_for_people_and_every_event_is_speakable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN", "4711-4711")
    assert str(ZevenError("4711-4711\x1b")) == "***\\x1b"
    assert str(SourceError("see 4711-4711")) == "see ***"
    heard: list[Event] = []
    with reporting_to(heard.append):
        report(Event("ingest", "4711-4711", "warning", detail="\x1b[2J 4711-4711"))
    assert heard == [Event("ingest", "***", "warning", detail="\\x1b[2J ***")]


@pytest.mark.parametrize("key", ["warehouse", "published"])
def test_a_path_may_hold_no_secret(tmp_path: Path, key: str) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text(
        f'[company]\nname = "X"\n[paths]\n{key} = "${{CRM_TOKEN}}/x"\n'
        '[sources.crm]\nkind = "files"\nfolder = "in"\n',
        encoding="utf-8",
    )
    with pytest.raises(SettingsError, match="the variable CRM_TOKEN is named like a secret") as caught:
        load_settings(file, environ={"CRM_TOKEN": "4711-4711"})
    assert "4711-4711" not in str(caught.value)


def test_a_path_may_hold_no_address_with_a_password(tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "X"\n[sources.crm]\nkind = "files"\nfolder = "${CRM_URL}"\n')
    with pytest.raises(SettingsError, match="CRM_URL holds an address with a password") as caught:
        load_settings(file, environ={"CRM_URL": "mysql://zeven:4711-4711@db/crm"})
    assert "4711" not in str(caught.value)


@pytest.mark.parametrize("value", ["a\nb", "a\x1bb", "a\udcffb", "\u202e"])
def test_a_path_is_one_that_can_be_shown(tmp_path: Path, value: str) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "X"\n[sources.crm]\nkind = "files"\nfolder = "${WHERE}"\n')
    with pytest.raises(SettingsError, match="characters that cannot be shown"):
        load_settings(file, environ={"WHERE": value})
