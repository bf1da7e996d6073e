"""Every target of the fuzzer works and holds for a few inputs, always the same ones."""

from __future__ import annotations

import pytest

from orchestration.errors import SourceError
from tests.fuzz import targets as fuzzed
from tests.fuzz.__main__ import examine


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@pytest.mark.parametrize("name", fuzzed.targets())
def test_a_target_holds(name: str) -> None:
    assert examine(name, seed_of_round=7, count=20) >= 20


def test_a_target_that_does_not_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    strategy, _ = fuzzed.targets()["values"]

    def never(values: list[str]) -> None:
        assert len(values) < 3

    monkeypatch.setitem(fuzzed.targets(), "values", (strategy, never))
    with pytest.raises(AssertionError):
        examine("values", seed_of_round=7)


def test_an_expression_that_reads_a_file_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzed, "columns_named", lambda *_: set())
    with pytest.raises(AssertionError, match="reached out"):
        fuzzed.an_expression_is_harmless_or_refused("(select content from read_text('/etc/passwd'))")


def test_a_lost_row_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.ingest.batch import Batch

    monkeypatch.setattr(Batch, "write", lambda *_: None)
    with pytest.raises(AssertionError, match="a row is lost"):
        fuzzed.a_csv_file_is_accounted_for((b"lead_id,created_at\nL1,2026-03-01\n", {}))


def test_another_error_than_the_projects_own_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("orchestration.ingest.csv_reader.settle", broken)
    with pytest.raises(KeyError):
        fuzzed.a_csv_file_is_accounted_for((b'lead_id,created_at\n"L\n1",2026-03-01\n', {}))
    assert not issubclass(KeyError, SourceError)
