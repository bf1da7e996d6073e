"""What a build needs of a parse: the macros that can be called, and no more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from orchestration.transform.needed import called


def macros(**calls: list[str]) -> dict[str, Any]:
    return {
        name: SimpleNamespace(depends_on=SimpleNamespace(macros=others)) for name, others in calls.items()
    }


def test_what_a_called_macro_calls_is_called_too() -> None:
    known = macros(first=["second"], second=["third"], third=[], other=["third"])
    assert called(cast("Any", known), ["first"]) == {"first", "second", "third"}


def test_macros_that_call_each_other_or_one_that_is_not_there_come_to_an_end() -> None:
    known = macros(first=["second", "gone"], second=["first"])
    assert called(cast("Any", known), ["first", "never was"]) == {"first", "second"}
