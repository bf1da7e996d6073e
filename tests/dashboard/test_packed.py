"""A packed page draws what the components would: the same elements, texts and live parts, in the same order.

Belongs here: `dashboard/ui/packed.py` beside what Dash itself writes. Does not belong here: what
`assets/static.js` makes of it in a browser (`browser/`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
import pytest
from dash import dcc, html
from dash.development.base_component import Component
from hypothesis import given
from hypothesis import strategies as st
from published import Browser, Company, source_of

from dashboard import app
from dashboard.access import Reader
from dashboard.releases import Release
from dashboard.ui.packed import NOT_FOR_THE_PAGE, pack

Node = tuple[str, tuple[tuple[str, str], ...], tuple[Any, ...]]
"""(element or component, what it is given as JSON, what stands in it)."""


def packed(page: Any) -> Any:
    return json.loads(pack(page))


def given_to(attributes: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, json.dumps(value, sort_keys=True)) for name, value in attributes.items()))


def drawn_by_dash(node: Any) -> Iterator[Any]:
    """What a browser draws of components as Dash writes them."""
    if isinstance(node, list | tuple):
        for one in node:
            yield from drawn_by_dash(one)
    elif isinstance(node, Component):
        written = node.to_plotly_json()
        props = dict(written["props"])
        inner = tuple(drawn_by_dash(props.pop("children", None)))
        if node._namespace == "dash_html_components":
            props = {name: value for name, value in props.items() if name not in NOT_FOR_THE_PAGE}
            yield written["type"].lower(), given_to(props), inner
        elif written["type"] == "Link":
            yield "link", given_to(props), inner
        else:
            held = {
                name: tuple(drawn_by_dash(value)) if isinstance(value, Component) else value
                for name, value in props.items()
            }
            yield written["type"], given_to(held), inner
    elif node is not None:
        yield node


def drawn_packed(node: Any) -> Iterator[Any]:
    """What `Dash` and `Static` together draw of a packed page."""
    if isinstance(node, list):
        for one in node:
            yield from drawn_packed(one)
    elif isinstance(node, dict):
        props = dict(node["props"])
        if (node["type"], node["namespace"]) == ("Static", "zeven"):
            assert set(props) == {"nodes"}
            for one in props["nodes"]:
                yield from drawn_static(one)
            return
        inner = tuple(drawn_packed(props.pop("children", None)))
        if node["namespace"] == "dash_html_components":
            yield node["type"].lower(), given_to(props), inner
        elif node["type"] == "Link":
            yield "link", given_to(props), inner
        else:
            held = {
                name: tuple(drawn_packed(value)) if _is_component(value) else value
                for name, value in props.items()
            }
            yield node["type"], given_to(held), inner
    elif node is not None:
        yield node


def _is_component(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"type", "namespace", "props"}


def drawn_static(node: Any) -> Iterator[Any]:
    """As `draw` of static.js does: a text, or [tag, attributes, children]."""
    if isinstance(node, list):
        tag, attributes, *inner = node
        assert isinstance(tag, str)
        assert isinstance(attributes, dict)
        children = tuple(one for child in (inner[0] if inner else ()) for one in drawn_static(child))
        yield tag, given_to(attributes), children
    else:
        assert not isinstance(node, dict), "static.js draws no component"
        if node is not None:
            yield node


def same(page: Any) -> list[Any]:
    expected, found = list(drawn_by_dash(page)), list(drawn_packed(packed(page)))
    assert found == expected
    return found


# --- any tree ---------------------------------------------------------------------------------------------

TEXTS = st.one_of(st.text(max_size=5), st.integers(-9, 9), st.just(0.5), st.none())
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "className": st.sampled_from(["a", "b c", "", None]),
        "title": st.text(max_size=3),
        "hidden": st.booleans(),
        "style": st.just({"width": "5px", "--z": 1}),
        "aria-label": st.text(max_size=3),
        "data-rows": st.just("/csv?a=1&b=2"),
        "n_clicks": st.just(3),
    },
)
TAGS = st.sampled_from([html.Div, html.Span, html.P, html.H1, html.Li, html.Section, html.Figcaption])


def tree(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    inner = st.one_of(children, st.lists(children, max_size=4))
    return st.one_of(
        st.builds(lambda tag, inside, more: tag(inside, **more), TAGS, inner, ATTRIBUTES),
        st.builds(lambda inside: dcc.Link(inside, href="/x", className="link"), inner),
        st.builds(lambda inside: dmc.Tooltip(inside, label="told"), children.filter(_is_node)),
        st.builds(lambda inside: dmc.Paper(inside, id="paper"), st.lists(children, max_size=4)),
        st.lists(children, max_size=3),
        st.builds(
            lambda icon: dmc.ActionIcon(loaderProps={"size": 1}, children=icon), children.filter(_is_node)
        ),
        st.builds(
            lambda icon: dmc.ColorSchemeToggle(lightIcon=icon, darkIcon="x"), children.filter(_is_node)
        ),
        st.just(dcc.Store(id="shown", data={"period": "month"})),
    )


def _is_node(value: Any) -> bool:
    return isinstance(value, Component)


@given(st.recursive(st.one_of(TEXTS, st.builds(html.Br)), tree, max_leaves=20))
def test_any_tree_draws_the_same(page: Any) -> None:
    same(page)


# --- what it is for ---------------------------------------------------------------------------------------


def test_what_never_changes_is_one_component() -> None:
    page = html.Div(
        [html.H1("Title", className="t"), html.Ul([html.Li(str(n)) for n in range(50)]), "text", 5]
    )
    [whole] = packed(page)
    assert (whole["type"], whole["namespace"]) == ("Static", "zeven")
    [[tag, attributes, inner]] = whole["props"]["nodes"]
    assert (tag, attributes, len(inner)) == ("div", {}, 4)
    assert inner[0] == ["h1", {"className": "t"}, ["Title"]]
    assert inner[2:] == ["text", 5]
    same(page)


def test_what_works_in_the_browser_stays_a_component_at_its_place() -> None:
    page = html.Div(
        [html.P("before"), html.P("too"), dcc.Store(id="shown", data={"a": 1}), html.P("after"), "end"]
    )
    [whole] = packed(page)
    assert (whole["type"], whole["namespace"]) == ("Div", "dash_html_components")
    kinds = [child if isinstance(child, str) else child["type"] for child in whole["props"]["children"]]
    assert kinds == ["Static", "Store", "Static"]
    assert whole["props"]["children"][1]["props"] == {"id": "shown", "data": {"a": 1}}
    assert len(whole["props"]["children"][0]["props"]["nodes"]) == 2
    same(page)


def test_what_stands_in_a_live_component_is_packed_too() -> None:
    page = dmc.Tooltip(html.Button([html.B("i"), "nfo"]), label="told")
    [whole] = packed(page)
    assert whole["type"] == "Tooltip"
    assert whole["props"]["label"] == "told"
    assert whole["props"]["children"] == {
        "type": "Static",
        "namespace": "zeven",
        "props": {"nodes": [["button", {}, [["b", {}, ["i"]], "nfo"]]]},
    }
    same(page)


def test_a_link_leads_on_without_a_new_load() -> None:
    [whole] = packed(html.P(dcc.Link("Open", href="/metric/x?a=1&b=2", className="here")))
    assert whole["props"]["nodes"] == [
        ["p", {}, [["link", {"href": "/metric/x?a=1&b=2", "className": "here"}, ["Open"]]]]
    ]


def test_markup_stays_text() -> None:
    text = '<script>alert(1)</script> & "quotes" \'\u2028\u0000'
    [whole] = packed(html.Div(text, title=text))
    assert whole["props"]["nodes"] == [["div", {"title": text}, [text]]]


@pytest.mark.parametrize(
    "page", ["only text", 5, None, [], html.Br(), html.Div(), html.Div([]), html.Div("")]
)
def test_little_is_little(page: Any) -> None:
    same(page)


def test_what_only_dash_uses_is_left_out() -> None:
    [whole] = packed(html.Button("x", n_clicks=0, n_clicks_timestamp=5, disable_n_clicks=True, type="button"))
    assert whole["props"]["nodes"] == [["button", {"type": "button"}, ["x"]]]


# --- pages ------------------------------------------------------------------------------------------------


@pytest.mark.xdist_group("dashboard_company")
@pytest.mark.parametrize(
    "pathname",
    ["", "findings", "metric/open_pipeline", "metric/closed_sales", "metric/lead_response_time",
     "metric/conversion_ratio", "rep/demo:R001", "nothing"],
)  # fmt: skip
@pytest.mark.parametrize("period", ["month", "year"])
def test_every_page_draws_the_same(release: Release, pathname: str, period: str) -> None:
    source = source_of(release, pathname, period_type=period)
    page, _ = app._made(source, Reader(""), banner="A run failed.", stale="old")
    drawn = same(page)
    texts = [node for node in walk(drawn) if isinstance(node, str)]
    assert "Zeven" in texts
    assert "A run failed." in texts
    # what makes it worth the while
    components, elements = (
        list(components_of(packed(page))),
        [one for one in walk(drawn) if isinstance(one, tuple)],
    )
    assert len(components) < len(elements) * 2 / 3


def walk(nodes: Any) -> Iterator[Any]:
    for node in nodes:
        yield node
        if isinstance(node, tuple):
            yield from walk(node[2])


def components_of(node: Any) -> Iterator[Any]:
    if isinstance(node, list):
        for one in node:
            yield from components_of(one)
    elif isinstance(node, dict) and "namespace" in node:
        yield node
        yield from components_of(node["props"].get("children"))


@pytest.mark.xdist_group("dashboard_company")
def test_the_server_sends_what_was_packed(company: Company, release: Release) -> None:
    source = source_of(release, "findings")
    page, _ = app._made(source, Reader(""), banner="", stale="")
    assert Browser.of(company.settings()).page("/findings").root == packed(page)


def test_a_board_keeps_its_grid() -> None:
    grid = dag.AgGrid(id={"kind": "board", "panel": "x"}, rowData=[{"a": 1.5, "b": None}], columnDefs=[])
    [whole] = packed(html.Section([html.H2("Board"), grid]))
    assert [child["type"] for child in whole["props"]["children"]] == ["Static", "AgGrid"]
    assert whole["props"]["children"][1]["props"]["rowData"] == [{"a": 1.5, "b": None}]
    same(html.Section([html.H2("Board"), grid]))
