"""Values as text in both languages, and the two catalogues of messages.

Belongs here: what a reader sees of one value, worked out by hand; that no message is missing, left over or
filled in wrongly. Does not belong here: which value stands where (`test_cards.py`, `test_overview.py`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import Any, get_args

import pytest

import dashboard
from dashboard.view import LANGUAGES, PERIOD_TYPES, Language, Period
from dashboard.viewmodel.parts import Kind, Status
from dashboard.words import KIND_OF_UNIT, NOTHING, Words, messages

EN = Words("en", "EUR", "Europe/Amsterdam")
NL = Words("nl", "EUR", "Europe/Amsterdam")
SOURCES = sorted(Path(dashboard.__file__).parent.rglob("*.py"))


def plain(text: str) -> str:
    """Without the spaces that do not break, which are not for reading."""
    return text.replace("\xa0", " ").replace("\u202f", " ")


# --- values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "en", "nl"),
    [
        ("text", "partner", "partner", "partner"),
        ("count", 0, "0", "0"),
        ("count", 1234567, "1,234,567", "1.234.567"),
        ("count", -12, "-12", "-12"),
        ("number", 3, "3.0", "3,0"),
        ("number", 1234.56, "1,234.6", "1.234,6"),
        ("money", 0, "€ 0", "€ 0"),
        ("money", Decimal("1234567.89"), "€ 1,234,568", "€ 1.234.568"),
        ("money", -1234.4, "-€ 1,234", "-€ 1.234"),
        ("ratio", 0, "0.0%", "0,0 %"),
        ("ratio", 0.0871, "8.7%", "8,7 %"),
        ("ratio", 1, "100.0%", "100,0 %"),
        ("ratio", 12.3456, "1,234.6%", "1.234,6 %"),
        ("minutes", 0, "0 min", "0 min"),
        ("minutes", 59, "59 min", "59 min"),
        ("minutes", 59.5, "1 h", "1 u"),
        ("minutes", 60, "1 h", "1 u"),
        ("minutes", 61, "1 h 01 min", "1 u 01 min"),
        ("minutes", 125.4, "2 h 05 min", "2 u 05 min"),
        ("minutes", 47 * 60 + 59, "47 h 59 min", "47 u 59 min"),
        ("minutes", 2 * 24 * 60, "48 h", "48 u"),
        ("minutes", 2 * 24 * 60 + 29, "48 h", "48 u"),
        ("minutes", 2000 * 60, "2,000 h", "2.000 u"),
        ("days", 3.6, "4 days", "4 dagen"),
        ("date", date(2026, 3, 9), "9 Mar 2026", "9 mrt 2026"),
    ],
)
def test_a_value_of_every_kind(kind: str, value: Any, en: str, nl: str) -> None:
    assert plain(EN.value(value, kind)) == en
    assert plain(NL.value(value, kind)) == nl


@pytest.mark.parametrize("kind", get_args(Kind))
def test_what_is_not_known_is_never_a_zero(kind: str) -> None:
    assert EN.value(None, kind) == NL.value(None, kind) == NOTHING


def test_differences_that_are_not_known_are_never_a_zero() -> None:
    for words in (EN, NL):
        assert {words.points(None), words.change(None), words.short_money(None)} == {NOTHING}


@pytest.mark.parametrize(
    ("value", "en", "nl"),
    [
        (9_999, "€ 9,999", "€ 9.999"),
        (-9_999, "-€ 9,999", "-€ 9.999"),
        (10_000, "€ 10K", "€ 10K"),
        (2_234_567, "€ 2.2M", "€ 2,2 mln."),
        (-2_234_567, "-€ 2.2M", "-€ 2,2 mln."),
    ],
)
def test_money_in_narrow_places(value: float, en: str, nl: str) -> None:
    assert plain(EN.short_money(value)) == en
    assert plain(NL.short_money(value)) == nl


def test_the_currency_is_the_companys() -> None:
    assert plain(Words("en", "USD", "UTC").money(1200)) == "US$ 1,200"
    assert plain(Words("en", "GBP", "UTC").short_money(1_200_000)) == "£ 1.2M"


def test_changes_tell_their_sign() -> None:
    assert [EN.points(0.0123), EN.points(-0.5), EN.points(0)] == ["+1.2 pp", "-50.0 pp", "+0.0 pp"]
    assert [NL.points(0.0123), NL.points(-0.5)] == ["+1,2 pp", "-50,0 pp"]
    assert [EN.change(0.256), EN.change(-12.3)] == ["+26%", "-1,230%"]
    assert [plain(NL.change(0.256)), plain(NL.change(-12.3))] == ["+26 %", "-1.230 %"]


@pytest.mark.parametrize(
    ("value", "en", "nl"),
    [(0, "0m", "0m"), (5, "5m", "5m"), (60, "1h", "1u"), (90, "90m", "90m"), (480, "8h", "8u")],
)
def test_minutes_in_narrow_places(value: int, en: str, nl: str) -> None:
    assert (EN.short_minutes(value), NL.short_minutes(value)) == (en, nl)


def test_one_deal_and_two_deals() -> None:
    assert [EN.plural("deals", n) for n in (0, 1, 2, 1200)] == ["0 deals", "1 deal", "2 deals", "1,200 deals"]


def test_a_moment_is_on_the_companys_clock() -> None:
    moment = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
    assert EN.moment(moment) == "29 Mar 00:30"
    assert NL.moment(moment) == "29 mrt 00:30"
    assert Words("en", "EUR", "America/New_York").moment(moment) == "28 Mar 19:30"


def test_every_unit_of_the_catalogue_has_a_kind() -> None:
    assert set(KIND_OF_UNIT.values()) <= set(get_args(Kind))


# --- periods ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "start", "end", "en", "nl"),
    [
        ("week", date(2026, 11, 23), date(2026, 11, 29), "Week 48, 2026", "Week 48, 2026"),
        ("week", date(2025, 12, 29), date(2026, 1, 4), "Week 1, 2026", "Week 1, 2026"),
        ("week", date(2026, 12, 28), date(2027, 1, 3), "Week 53, 2026", "Week 53, 2026"),
        ("month", date(2026, 3, 1), date(2026, 3, 31), "March 2026", "maart 2026"),
        ("quarter", date(2026, 10, 1), date(2026, 12, 31), "Q4 2026", "4e kwartaal 2026"),
        ("quarter", date(2026, 2, 1), date(2026, 4, 30), "Feb 2026 – Apr 2026", "feb 2026 – apr 2026"),
        ("quarter", date(2025, 12, 1), date(2026, 2, 28), "Dec 2025 – Feb 2026", "dec 2025 – feb 2026"),
        ("year", date(2026, 1, 1), date(2026, 12, 31), "2026", "2026"),
        ("year", date(2025, 4, 1), date(2026, 3, 31), "Apr 2025 – Mar 2026", "apr 2025 – mrt 2026"),
    ],
)
def test_names_of_periods(kind: str, start: date, end: date, en: str, nl: str) -> None:
    period = Period(kind, start, end, True)
    assert (EN.period(period), NL.period(period)) == (en, nl)


@pytest.mark.parametrize(
    ("kind", "start", "short", "dated"),
    [
        ("week", date(2026, 11, 23), "w48", "w48 ’26"),
        ("week", date(2025, 12, 29), "w1", "w1 ’26"),
        ("month", date(2026, 10, 1), "Oct", "Oct ’26"),
        ("month", date(2026, 1, 1), "Jan ’26", "Jan ’26"),
        ("quarter", date(2026, 10, 1), "Q4 ’26", "Q4 ’26"),
        ("quarter", date(2026, 2, 1), "Feb ’26", "Feb ’26"),
        ("year", date(2026, 1, 1), "2026", "2026"),
        ("year", date(2025, 4, 1), "2025/26", "2025/26"),
    ],
)
def test_short_names_of_periods(kind: str, start: date, short: str, dated: str) -> None:
    assert EN.short_period(kind, start) == short
    assert EN.dated_period(kind, start) == dated


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("first_month", range(1, 13))
def test_no_two_quarters_or_years_of_an_axis_share_a_name(language: Language, first_month: int) -> None:
    words = Words(language, "EUR", "UTC")
    for kind, months in (("quarter", 3), ("year", 12)):
        numbers = [2022 * 12 + first_month - 1 + months * n for n in range(13)]
        names = [words.short_period(kind, date(number // 12, number % 12 + 1, 1)) for number in numbers]
        assert len(set(names)) == len(names), names


# --- messages ---------------------------------------------------------------------------------------------


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def calls(*names: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a method or function with one of these names, with where it stands."""
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in names:
                yield f"{file.name}:{node.lineno}", node


def constants(node: ast.expr) -> list[str]:
    """The texts that an expression can be, as far as they stand there."""
    if isinstance(node, ast.IfExp):
        return [*constants(node.body), *constants(node.orelse)]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def pattern(node: ast.JoinedStr) -> str:
    """A regular expression of the keys that an f-string can become; empty where it makes no keys."""
    fixed = [part.value if isinstance(part, ast.Constant) else "" for part in node.values]
    if not re.fullmatch("[a-z_]{3,}", "".join(map(str, fixed))):
        return ""
    return "".join(str(text) or "[a-z0-9_]+" for text in fixed)


def test_both_languages_say_the_same_things() -> None:
    assert messages("en").keys() == messages("nl").keys()
    for key, text in messages("en").items():
        assert places(text) == places(messages("nl")[key]), key


def test_no_message_is_left_over() -> None:
    texts: set[str] = set()
    patterns: set[str] = set()
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                patterns.add(pattern(node))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
    texts |= {f"{text}_{form}" for text in texts for form in ("one", "other")}
    known = re.compile("|".join(sorted(patterns - {""})))
    assert [key for key in messages("en") if key not in texts and not known.fullmatch(key)] == []


def test_every_message_that_is_asked_for_exists() -> None:
    known = messages("en")
    asked = 0
    for where, call in calls("say"):
        for key in constants(call.args[0]):
            assert key in known, f"{where}: {key}"
            asked += 1
        if isinstance(call.args[0], ast.JoinedStr) and (form := pattern(call.args[0])):
            assert any(re.fullmatch(form, key) for key in known), f"{where}: {form}"
    for where, call in calls("plural"):
        for key in constants(call.args[0]):
            assert {f"{key}_one", f"{key}_other"} <= known.keys(), f"{where}: {key}"
    assert asked > 50


def test_every_message_gets_what_it_asks_for() -> None:
    for where, call in calls("say"):
        given = {keyword.arg for keyword in call.keywords}
        for key in constants(call.args[0]):
            if None not in given:  # **values
                assert given == places(messages("en")[key]), f"{where}: {key}"


def test_what_a_release_can_say_has_a_message() -> None:
    said = {f"status_{status}" for status in (*get_args(Status), "none")}
    said |= {f"severity_{severity}" for severity in ("alert", "warn", "info")}
    said |= {f"type_{kind}" for kind in PERIOD_TYPES}
    assert said <= messages("en").keys()
