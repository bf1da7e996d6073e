"""The company whose pages the tests open: one run of the pipeline for all of them.

Belongs here: fixtures that several modules share. Does not belong here: how they are made (`company.py`).
A module that uses one carries `xdist_group("dashboard_company")`, so that one process makes it once.
"""

from __future__ import annotations

import pytest
from company import Company, copy_of, publish_oddities, run_pipeline_in

from dashboard.releases import Release


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """Read it only; `changed` is a copy to publish in."""
    return run_pipeline_in(tmp_path_factory.mktemp("shown"))


@pytest.fixture(scope="session")
def release(company: Company) -> Release:
    return company.release()


@pytest.fixture
def changed(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A copy that a test may publish in, break and prune."""
    return copy_of(company, tmp_path_factory.mktemp("changed"))


@pytest.fixture(scope="session")
def odd(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A copy with a second release, of oddities (`company.publish_oddities`). Read it only."""
    copy = copy_of(company, tmp_path_factory.mktemp("odd"))
    publish_oddities(copy)
    return copy
