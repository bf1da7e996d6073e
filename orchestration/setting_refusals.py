"""What is said of settings that are wrong: which line and key, what was expected, what may have been meant.

Belongs here: the words for what pydantic found, for readers who know TOML and not pydantic. Does not belong
here: what is wrong (`setting_sections.py`, `setting_sources.py`, `setting_values.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestration.setting_sections import LeadExclusion
from orchestration.setting_sources import SOURCE_KINDS, SqlTable, TableMapping
from orchestration.toml_lines import line_of


def sentence(settings: type[BaseModel], file: Path, text: str, error: ValidationError) -> str:
    """One sentence for the topmost thing that is wrong, as `file:line: key: reason`.

    `settings` is the model that refused `text`, the content of `file`.
    """

    def place(detail: ErrorDetails) -> tuple[Any, ...]:
        path = tuple(part for part in detail["loc"] if part != "[key]")
        # pydantic names the kind of a source between the source and its key
        has_kind = path[:1] == ("sources",) and len(path) > 2 and path[2] in SOURCE_KINDS
        return path[:2] + path[3:] if has_kind else path

    def rank(detail: ErrorDetails) -> tuple[bool, int]:
        """A missing key comes after the others: a misspelt one explains it."""
        return detail["type"] == "missing", line_of(text, place(detail))

    details = sorted(error.errors(include_url=False), key=rank)
    first, path = details[0], place(details[0])
    where = f"{file}:{line_of(text, path)}"
    key = ".".join(str(part) for part in path)
    others = f" ({len(details) - 1} more after this one)" if len(details) > 1 else ""
    if first["type"] == "extra_forbidden":
        near = _nearest(str(path[-1]), _known_keys(settings, path[:-1], first["loc"]))
        return f"{where}: {key}: unknown key{f', did you mean {near!r}?' if near else '. Remove it.'}{others}"
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        given = first["ctx"].get("tag")
        near = _nearest(str(given), list(SOURCE_KINDS))
        found = f" (found {given!r}{f', did you mean {near!r}?' if near else ''})" if given else ""
        where = f"{file}:{line_of(text, (*path, 'kind'))}"
        return f"{where}: {key}.kind: this must be one of {', '.join(SOURCE_KINDS)}{found}.{others}"
    if first["type"] == "missing":
        return f"{where}: {key}: this key is required and missing.{others}"
    reason = _PLAIN_WORDS.get(first["type"]) or first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    shown = first["input"]
    said = not isinstance(shown, str | int | float) or (shown != "" and str(shown) in reason)
    value = "" if said else f" (found {shown!r})"
    return f"{where}: {key or 'settings'}: {reason}{value}.{others}"


_PLAIN_WORDS = {
    "model_type": "this must be a table, with keys of its own",
    "dict_type": "this must be a table, with keys of its own",
    "tuple_type": "this must be a list, in square brackets",
    "string_type": "this must be text in quotes",
    "int_type": "this must be a whole number, without quotes",
    "float_type": "this must be a number, without quotes",
    "float_parsing": "this must be a number, without quotes",
    "string_too_short": "this must not be empty",
    "path_type": "this must be the path of a folder, in quotes",
}
"""For readers who know TOML and not pydantic."""


def _nearest(key: str, known: list[str]) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(key, known, n=1)), None)


def _known_keys(settings: type[BaseModel], path: tuple[Any, ...], loc: tuple[Any, ...]) -> list[str]:
    """The keys of the settings table at `path`; empty where keys are free. `loc` has the kind of a source."""
    model: type[BaseModel] | None = settings
    for part in path:
        if model is settings and part == "sources":
            model = None
        elif model is None and path[0] == "sources" and len(path) == 2:
            model = SOURCE_KINDS[loc[2]]
        elif model is not None and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            model = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        else:
            table = SqlTable if loc[2] == "sql" else TableMapping
            return list((table if "tables" in path else LeadExclusion).model_fields)
    return [name for name in model.model_fields if name != "file"] if model else []
