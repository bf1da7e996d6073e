"""The demo company as Pipedrive shows it gives the numbers of its export files."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from demo.render_export import render_export
from demo.render_pipedrive import as_pipedrive_knows, render_pipedrive, settings_of
from orchestration.ingest import files
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.pipedrive import PipedriveReader
from orchestration.ingest.crm.pipedrive_objects import OBJECTS
from orchestration.settings import PipedriveSource
from tests.fakecrm.pipedrive import TOKEN, Pipedrive
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store
from tests.proof import faces
from tests.proof.compiled import settings_for
from tests.reference.world import Rules

ABOUT_THE_RUN = faces.ABOUT_THE_RUN


def land_records(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    """What the reader gets from the made-up Pipedrive over the network."""
    company = Pipedrive(Store(render_pipedrive(faces.ledger()).lists))
    landing = Landing(con, "raw_pipedrive", source, faces.LOADED_AT, folder)
    with serving(company.routes()) as api:
        settings = PipedriveSource(**settings_of(api))
        reader = PipedriveReader(source, settings, TOKEN, now=lambda: faces.LOADED_AT)
        for object_ in OBJECTS:
            reader.read(object_, landing)
    assert landing.findings == []


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
    found = faces.of(land_records, settings_of("https://made-up.pipedrive.com"), faces.write_rates)
    assert found.keys() == expected.keys()
    assert not (lines := differing(found, expected)), "\n".join(lines)
    assert sum(len(found[table]) for table in found) > 10_000
