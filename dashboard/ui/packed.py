"""A page as the text that the browser gets, and the pages that are asked for again.

Belongs here: turning components into JSON, with what never changes in the browser as plain markup. Does not
belong here: any look or word.

Dash makes each component a thing of its own in the browser, which can change and be clicked: a page has
a thousand, of which a dozen ever do. So every run of plain HTML and links becomes one component, `Static` of
`assets/static.js`, which draws the same elements. Whoever writes a page need not know.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from typing import Any

import orjson
from cachetools import LRUCache
from dash.development.base_component import Component

PLAIN = "dash_html_components"
NOT_FOR_THE_PAGE = ("children", "n_clicks", "n_clicks_timestamp", "disable_n_clicks")
KEPT_BYTES = 30_000_000
"""Of one process; a page is some 80 kB."""

Answer = tuple[Any, Any]
"""(the page, what the browser must know of it)."""


class Kept:
    """The newest pages, by all that they follow from. Safe for many threads."""

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._pages: LRUCache[Hashable, tuple[bytes, Any]] = LRUCache(most, lambda kept: len(kept[0]))
        self._lock = threading.Lock()

    def __call__(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        with self._lock:
            found = self._pages.get(key)
        if found is None:
            page, state = make()
            found = pack(page), state
            with self._lock, suppress(ValueError):  # larger than all that is kept
                self._pages[key] = found
        packed, state = found
        # goes into Dash's answer as it is
        return orjson.Fragment(packed), state


def pack(page: Any) -> bytes:
    """The JSON of a page."""
    return orjson.dumps(_siblings([page]), option=orjson.OPT_NON_STR_KEYS)


def _siblings(nodes: Sequence[Any]) -> list[Any]:
    """Components as Dash writes them, with each run of static ones as one."""
    found: list[Any] = []
    run: list[Any] = []
    for node in nodes:
        if node is None or isinstance(node, str | int | float):
            run.append(node)
            continue
        if isinstance(node, list | tuple):
            found, run = _close(found, run), []
            found.append(_siblings(node))
            continue
        drawn = _component(node)
        if isinstance(drawn, list):
            run.append(drawn)
        else:
            found, run = _close(found, run), []
            found.append(drawn)
    return _close(found, run)


def _close(found: list[Any], run: list[Any]) -> list[Any]:
    if any(isinstance(node, list) for node in run):
        found.append({"type": "Static", "namespace": "zeven", "props": {"nodes": run}})
    else:
        found += run
    return found


def _component(node: Component) -> list[Any] | dict[str, Any]:
    """A list for what is static: tag, attributes, children; else a component as Dash writes it."""
    kind, given = node._type, node.__dict__
    is_link = kind == "Link"
    if node._namespace != PLAIN and not is_link:
        return _live(node)
    attributes = {name: value for name, value in given.items() if _is_attribute(node, name)}
    children = given.get("children")
    if children is None:
        return ["link" if is_link else kind.lower(), attributes]
    drawn = _siblings(children if isinstance(children, list | tuple) else [children])
    inner: list[Any] = []
    for child in drawn:
        if isinstance(child, dict):
            if child["type"] != "Static" or child["namespace"] != "zeven":
                return {
                    "type": kind,
                    "namespace": node._namespace,
                    "props": {**attributes, "children": drawn},
                }
            inner += child["props"]["nodes"]
        elif isinstance(child, list):
            return {"type": kind, "namespace": node._namespace, "props": {**attributes, "children": drawn}}
        else:
            inner.append(child)
    return ["link" if is_link else kind.lower(), attributes, inner]


def _is_attribute(node: Component, name: str) -> bool:
    if name in NOT_FOR_THE_PAGE:
        return False
    return name in node._prop_names or name.startswith(("aria-", "data-"))


def _live(node: Component) -> dict[str, Any]:
    """A component that works in the browser; what it holds is packed too."""
    written = node.to_plotly_json()
    props = written["props"]
    for name in ("children", *node._children_props):
        held = props.get(name)
        if isinstance(held, Component):
            [only] = _siblings([held])
            props[name] = only
        elif name == "children" and isinstance(held, list | tuple):
            props[name] = _siblings(held)
    return {"type": written["type"], "namespace": written["namespace"], "props": props}
