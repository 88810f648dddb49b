"""``naming.yaml`` in a data folder: the naming rules of its graph, as `graphmodel.naming_rules.Rules`.

Everybody who maps names for a folder reads them here and passes the value on. docs/naming.md describes the file.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from headwater.graphmodel.naming_rules import DEFAULT, InvalidRules, Rules
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.places.file_storage import FileStorage
from headwater.ingest.places.yaml_file import InvalidYaml, parse, schema_faults

NAMING = "naming.yaml"
"""The name of the file, in a data folder and beside an exported ledger."""

_LARGEST = 2**20  #: bytes: a file with more is no list of rules


def rules_of(folder: Path) -> Rules:
    """The naming rules of a data folder; the default ones where it has no such file. InvalidRequest."""
    path = folder / NAMING
    return read_rules(path) if path.exists() else DEFAULT


def read_rules(path: Path) -> Rules:
    """The rules in a file. InvalidRequest: what is wrong, as ``FILE:LINE:COLUMN: KEY: ...``."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror or error}") from None
    return parse_rules(text, str(path))


def rules_to_export(folder: Path) -> dict[str, bytes]:
    """The file that goes with an exported ledger, by name: none where the folder has none. InvalidRequest."""
    rules_of(folder)
    path = folder / NAMING
    return {NAMING: path.read_bytes()} if path.exists() else {}


def rules_beside(place: FileStorage) -> Rules:
    """The rules that were exported with a ledger; the default ones where there are none. InvalidRequest."""
    if NAMING not in place.names():
        return DEFAULT
    with place.open(NAMING) as file:
        return parse_rules(file.read(_LARGEST + 1), f"{place}/{NAMING}")


def parse_rules(text: bytes, name: str) -> Rules:
    """The rules in a YAML text; `name` is the file's, for the message. InvalidRequest."""
    if len(text) > _LARGEST:
        raise InvalidRequest(f"{name} has more than {_LARGEST:,} bytes: that is no file of naming rules")
    try:
        document = parse(text, name)
    except InvalidYaml as error:
        raise InvalidRequest(str(error)) from None
    data = {} if document.data is None else document.data
    for path, message, near in schema_faults(data, schema()):
        line, column = document.mark(path)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InvalidRequest(f"{name}:{line}:{column}: {message}{hint}")
    try:
        return Rules.from_mapping(data)
    except InvalidRules as error:
        line, column = document.mark(error.place)
        raise InvalidRequest(f"{name}:{line}:{column}: {error}") from None


def schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    text = files("headwater.ingest.folder").joinpath("naming.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
