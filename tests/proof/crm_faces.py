"""The demo company as the CRMs show it, put into the raw tables as their readers do.

Belongs here: landing a face. Does not belong here: what a face looks like (`demo/render_*.py`), what becomes
of it (`faces.py`), or HubSpot's, which its scene lands (`tests/fakecrm/hubspot_scene.py`).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from demo.render_pipedrive import render_pipedrive, settings_of
from demo.render_salesforce import FIELDS, Face
from orchestration.ingest.crm.landing import Landing
from orchestration.ingest.crm.pipedrive import PipedriveReader
from orchestration.ingest.crm.pipedrive_objects import OBJECTS as PIPEDRIVE_OBJECTS
from orchestration.ingest.crm.salesforce_objects import OBJECTS as SALESFORCE_OBJECTS
from orchestration.setting_sources import PipedriveSource
from orchestration.settings import PROJECT_ROOT
from tests.fakecrm.pipedrive import TOKEN, Pipedrive
from tests.fakecrm.server import serving
from tests.fakecrm.store import Store
from tests.proof import faces

ENTITIES = sorted(
    path.stem.removeprefix("stg_files__") for path in (PROJECT_ROOT / "models/staging/files").glob("*.sql")
)
"""What every CRM is staged as."""


def land_pipedrive(con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    """What the reader gets from the made-up Pipedrive over the network."""
    company = Pipedrive(Store(render_pipedrive(faces.ledger()).lists))
    landing = Landing(con, "raw_pipedrive", source, faces.LOADED_AT, folder)
    with serving(company.routes()) as api:
        settings = PipedriveSource(**settings_of(api))
        reader = PipedriveReader(source, settings, TOKEN, now=lambda: faces.LOADED_AT)
        for object_ in PIPEDRIVE_OBJECTS:
            reader.read(object_, landing)
    assert landing.findings == []


def land_salesforce(face: Face, con: duckdb.DuckDBPyConnection, source: str, folder: Path) -> None:
    landing = Landing(con, "raw_salesforce", source, faces.LOADED_AT, folder)
    own = {f"{name}_z".replace(".", "/"): field for name, field in FIELDS.items()}
    for object_ in SALESFORCE_OBJECTS:
        renamed = {
            theirs: ours.partition("/")[2]
            for ours, theirs in own.items()
            if ours.startswith(f"{object_.name}/")
        }
        landing.land(
            object_,
            (
                record | {ours: record.get(theirs) for theirs, ours in renamed.items()}
                for record in face.objects[object_.name].values()
            ),
        )
