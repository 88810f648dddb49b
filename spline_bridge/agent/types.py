"""Spark's data types in Spline's words, numbered within one plan."""

from __future__ import annotations

import json
from typing import Any

#: What Spline's agent calls the types, where the JSON of Spark has another name.
_NAMES = {"integer": "int", "long": "bigint", "short": "smallint", "byte": "tinyint", "void": "null"}


class Types:
    """The data types of one plan. `listed` is what ``extraInfo.dataTypes`` holds."""

    def __init__(self) -> None:
        self.listed: list[dict[str, Any]] = []
        self._known: dict[str, str] = {}

    def id(self, data_type: Any) -> str | None:
        """The id of a type as Spark's JSON has it; None if there is none. Inner types come before outer ones."""
        if data_type is None:
            return None
        key = data_type if isinstance(data_type, str) else json.dumps(data_type, sort_keys=True)
        if key not in self._known:
            described = _described(data_type, self)
            self._known[key] = described["id"] = f"type-{len(self.listed)}"
            self.listed.append(described)
        return self._known[key]


def _described(data_type: Any, types: Types) -> dict[str, Any]:
    """A type without its id. Structs nest as deep as a program writes them, which is not deep."""
    if isinstance(data_type, str):
        return {"_typeHint": "dt.Simple", "name": _NAMES.get(data_type, data_type), "nullable": True}
    if not isinstance(data_type, dict):  # a struct as the list of its fields, or what a later Spark may send
        data_type = {"type": "struct", "fields": data_type if isinstance(data_type, list) else []}
    kind = data_type.get("type")
    if kind == "struct":
        listed = [item for item in data_type.get("fields") or [] if isinstance(item, dict)]
        fields = [
            {"name": str(f.get("name")), "dataTypeId": types.id(f.get("type", f.get("dataType")))} for f in listed
        ]
        return {"_typeHint": "dt.Struct", "fields": fields, "nullable": True}
    if kind == "array":
        element = types.id(data_type.get("elementType"))
        return {"_typeHint": "dt.Array", "elementDataTypeId": element, "nullable": True}
    if kind == "udt":
        return {"_typeHint": "dt.Simple", "name": _udt(data_type), "nullable": True}
    return {"_typeHint": "dt.Simple", "name": str(kind), "nullable": True}


def _udt(data_type: Any) -> str:
    return str(data_type.get("class") or data_type.get("pyClass")).rpartition(".")[2].removesuffix("UDT").lower()


def field(struct: Any, ordinal: Any) -> dict[str, Any] | None:
    """The field of a struct type at a position; None if there is none."""
    fields = struct.get("fields") if isinstance(struct, dict) and struct.get("type") == "struct" else None
    in_range = isinstance(ordinal, int) and isinstance(fields, list) and 0 <= ordinal < len(fields)
    return fields[ordinal] if isinstance(fields, list) and in_range else None


def element(data_type: Any) -> Any:
    """The type of an array's elements or of a map's values; None if it is neither."""
    return (data_type.get("elementType") or data_type.get("valueType")) if isinstance(data_type, dict) else None
