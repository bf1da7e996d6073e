"""A company that has loaded nothing yet, ready for dbt to build.

Belongs here: its settings and its warehouse. Does not belong here: what is built on it, and asked of that.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from orchestration import run_record
from orchestration.ingest.registry import KINDS
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse

FILES = 'kind = "files"\nfolder = "in"'


def empty_company(folder: Path, source: str = FILES, engine: str = "") -> Settings:
    """The company in a folder, with one source, whose run has begun.

    `source` is what stands below its heading, `engine` what stands above all headings, or a table of its own.
    """
    file = folder / "zeven.toml"
    file.write_text(f'{engine}\n[company]\nname = "Empty"\n[sources.crm]\n{source}\n')
    settings = load_settings(file, environ={})
    with Warehouse(settings).connect() as con:
        for kind in KINDS.values():
            kind.prepare(con)
        run_record.prepare(con)
        instant = datetime(2026, 3, 31, 12, tzinfo=UTC)
        run_record.begin(con, "empty", instant, instant)
    return settings
