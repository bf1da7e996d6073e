"""The demo company as Pipedrive shows it gives the numbers of its export files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from demo.render_export import render_export
from demo.render_pipedrive import as_pipedrive_knows, settings_of
from orchestration.ingest import files
from tests.proof import crm_faces, faces
from tests.proof.compiled import settings_for
from tests.reference.world import Rules

ABOUT_THE_RUN = faces.ABOUT_THE_RUN


def of_export_files() -> faces.Tables:
    """What comes of the clean export of what Pipedrive can know, by the same ids."""

    def land(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
        (folder / "files").mkdir()
        render_export(as_pipedrive_knows(faces.ledger()), folder / "files" / "in", clean=True)
        settings = settings_for(Rules(), folder / "files")
        settings.paths.warehouse.mkdir(exist_ok=True)
        for table in files.TABLES:
            files.load_table(con, settings, source, table, faces.LOADED_AT)

    return faces.of(land)


def differing(found: faces.Tables, expected: faces.Tables) -> list[str]:
    lines = []
    for table in sorted(expected.keys() - ABOUT_THE_RUN):
        ours = faces._counted(found[table], frozenset(), {})
        theirs = faces._counted(expected[table], frozenset(), {})
        missing, more = theirs - ours, ours - theirs
        if missing or more:
            lines.append(f"{table}: {missing.total()} of {theirs.total()} missing, {more.total()} too many")
            lines += [faces._beside(row, more) for row in sorted(missing, key=str)[:2]]
    return lines


@pytest.fixture(scope="module")
def expected() -> faces.Tables:
    return of_export_files()


def test_the_numbers_are_those_of_the_export_files(expected: faces.Tables) -> None:
    found = faces.of(
        crm_faces.land_pipedrive, settings_of("https://made-up.pipedrive.com"), faces.write_rates
    )
    assert found.keys() == expected.keys()
    assert not (lines := differing(found, expected)), "\n".join(lines)
    assert sum(len(found[table]) for table in found) > 10_000
