"""Our own history of opportunities, for a CRM that forgets: through whole runs, from one export to the next.

The export has no `opportunity_history` and no `updated_at`; what a deal was before is known only because a
run saw it. A run that came to no release must leave nothing behind.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

from orchestration.errors import GateError
from orchestration.publish.catalogue import open_release
from orchestration.run import run_pipeline
from orchestration.settings import Settings, load_settings
from orchestration.warehouse import Warehouse

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("own_history")]

Interval = tuple[str, float, str, bool]


def export(folder: Path, stage: str, amount: str, *, lead_capacity: int = 5) -> None:
    """Put a whole export there, as a nightly dump does."""
    folder.mkdir(exist_ok=True)
    (folder / "reps.csv").write_text(f"rep_id,rep_name,lead_capacity\nR1,Anna,{lead_capacity}\n")
    (folder / "opportunities.csv").write_text(
        f"opportunity_id,created_at,stage,owner_id,amount\nO1,2026-03-02,{stage},R1,{amount}\n"
    )


def sightings(settings: Settings) -> list[tuple[str, float]]:
    with Warehouse(settings).connect(read_only=True) as con:
        return con.execute(
            "select stage, amount::double from history.int_opportunity_sightings order by observed_at"
        ).fetchall()


def intervals(settings: Settings) -> list[Interval]:
    with open_release(settings) as con:
        return con.execute(
            "select stage, source_amount::double, status, is_reconstructed from fct_opportunity_history "
            "order by valid_from"
        ).fetchall()


def test_what_a_run_saw_is_remembered_unless_it_came_to_no_release(tmp_path: Path) -> None:
    file = tmp_path / "zeven.toml"
    file.write_text('[company]\nname = "Forgetful"\n[sources.crm]\nkind = "files"\nfolder = "in"\n')
    settings = load_settings(file)

    export(tmp_path / "in", "Discovery", "100.00")
    first = run_pipeline(settings)
    assert sightings(settings) == [("Discovery", 100)]
    assert intervals(settings) == [("Discovery", 100, "open", True), ("Discovery", 100, "open", False)]

    export(tmp_path / "in", "Negotiation", "999.00", lead_capacity=-5)
    with pytest.raises(GateError, match="lead_capacity"):
        run_pipeline(settings)
    assert ("Negotiation", 999) in sightings(settings)

    export(tmp_path / "in", "Proposal", "150.00")
    second = run_pipeline(settings)
    assert sightings(settings) == [("Discovery", 100), ("Proposal", 150)]
    assert intervals(settings) == [
        ("Discovery", 100, "open", True),
        ("Discovery", 100, "open", False),
        ("Proposal", 150, "open", False),
    ]
    with open_release(settings) as con:
        [(changed_at,)] = con.execute(
            "select valid_from from fct_opportunity_history where stage = 'Proposal'"
        ).fetchall()
    assert isinstance(changed_at, datetime)
    assert first.as_of.replace(tzinfo=None) < changed_at == second.as_of.replace(tzinfo=None)

    unchanged = run_pipeline(settings, force=True)
    assert unchanged.release.release_id != second.release.release_id
    assert sightings(settings) == [("Discovery", 100), ("Proposal", 150)]


def test_the_same_files_and_instant_tell_the_same_of_a_deal_when_read_again(tmp_path: Path) -> None:
    """Its last edit is in no history: it is as old as the record says, not as the run that read it last."""
    folder = tmp_path / "in"
    export(folder, "Discovery", "100.00")
    (folder / "opportunities.csv").write_text(
        "opportunity_id,created_at,stage,owner_id,amount,expected_close_on,updated_at\n"
        "O1,2026-03-02,Proposal,R1,150.00,2026-06-01,2026-03-20T09:00:00Z\n"
    )
    (folder / "opportunity_history.csv").write_text(
        "opportunity_id,changed_at,stage,amount,expected_close_on\nO1,2026-03-05,Discovery,100.00,2026-05-01\n"
    )
    file = tmp_path / "zeven.toml"
    file.write_text(
        '[company]\nname = "Looked at twice"\n[run]\nas_of = "2026-04-01"\n'
        '[sources.crm]\nkind = "files"\nfolder = "in"\n'
    )
    settings = load_settings(file)

    def told() -> list[tuple[object, ...]]:
        run_pipeline(settings, force=True)
        with open_release(settings) as con:
            return con.execute(
                "select valid_from::date, stage, source_amount::double, expected_close_on "
                "from fct_opportunity_history order by valid_from"
            ).fetchall()

    first = told()
    assert first[-1] == (date(2026, 3, 20), "Proposal", 150, date(2026, 6, 1))
    assert told() == first
