"""YAML read with the line of every mapping, so that a refusal can say where.

Belongs here: reading. Does not belong here: what the YAML means.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import SettingsError


class Mapping(dict[str, Any]):
    """A YAML mapping that knows the line it starts at (from 1)."""

    def __init__(self, values: dict[str, Any], line: int) -> None:
        super().__init__(values)
        self.line = line


class _Loader(yaml.CSafeLoader):
    """The safe loader in C; mappings know their line, and a key that stands twice is refused."""


def _construct_mapping(loader: _Loader, node: yaml.MappingNode) -> Mapping:
    loader.flatten_mapping(node)
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key '{key}' stands twice", node.start_mark
            )
    values = [loader.construct_object(value, deep=True) for _, value in node.value]
    return Mapping(dict(zip(keys, values, strict=True)), node.start_mark.line + 1)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct_mapping)


def read_yaml(path: Path) -> Any:
    """The document in `path`, with `Mapping` for every mapping; `SettingsError` if it is no valid YAML.

    Not to be changed: who reads the same text again is given the same.
    """
    try:
        return _document(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise SettingsError(f"{path}:{line}: is no valid YAML: {error.problem}.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read as YAML ({error}).") from None


@lru_cache(maxsize=64)
def _document(text: str) -> Any:
    """Contracts and reconciliations stand in the same files; each reading takes 0.1 of 13 CPU-seconds."""
    return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
