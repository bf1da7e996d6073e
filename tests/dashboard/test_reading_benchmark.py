"""The benchmark of reading asks what the pages ask.

Belongs here: which queries it takes down, and that it times all of them. Does not belong here: how
fast they are.
"""

from __future__ import annotations

import pytest
from company import Company

from benchmarks.reading import PAGES_READ, queries_of_views, read

pytestmark = pytest.mark.xdist_group("dashboard_company")


def test_every_kind_of_page_asks_its_own_queries(company: Company) -> None:
    metric, rep, overview = queries_of_views(company.settings(), 1)
    for asked in (metric, rep, overview):
        assert any("kpi_" in sql for sql, _ in asked)
        assert len({(sql, repr(parameters)) for sql, parameters in asked}) == len(asked)
    assert any("kpi_scorecard" in sql for sql, _ in overview)
    assert any(parameters.get("level") == "rep" for _, parameters in rep)


def test_every_query_is_timed_alone_and_in_the_crowd(company: Company) -> None:
    asked = sum(map(len, queries_of_views(company.settings(), 1)))
    found = read(company.settings(), readers=2, reading=0.01, views_of_a_kind=1)
    assert len(found.alone.seconds) == asked
    assert found.per_view == pytest.approx(asked / 3)
    assert len(found.crowd.seconds) >= 2 * PAGES_READ
    assert min(found.crowd.seconds) > 0
