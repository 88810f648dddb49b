"""GraphSON 3: requests read, responses written, by gremlinpython's reader and writer where they know the type. Pure.

https://tinkerpop.apache.org/docs/3.7.3/dev/io/#graphson-3d0
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from enum import Enum
from functools import partial
from typing import Any

import orjson
from gremlin_python.process.traversal import Binding, Bytecode
from gremlin_python.statics import long
from gremlin_python.structure.graph import Edge, Path, Vertex
from gremlin_python.structure.io import graphsonV3d0 as library  # noqa: N813 - two modules are read as one
from gremlin_python.structure.io.graphsonV3d0 import GraphSONReader, GraphSONUtil, GraphSONWriter

from headwater.graphstore.embedded.sets import Set
from headwater.graphstore.errors import InvalidRequest
from headwater.ingest.gremlin.messages import NO_ID, Reads, Request, RequestFailed, Status, Writes
from headwater.ingest.gremlin.names import ENUMS, predicate, strategy

MIME = "application/vnd.gremlin-v3.0+json"

_DEPTH = 256  #: of JSON in JSON: some 30 traversals inside each other, as many as the store takes


class GraphSON:
    """See `messages.Codec`."""

    mime = MIME

    def id_of(self, body: bytes) -> uuid.UUID:
        """The id of a request."""
        try:
            return _id(orjson.loads(body))
        except (ValueError, TypeError, KeyError, AttributeError):
            return NO_ID

    def request(self, body: bytes) -> Request:
        """The request. RequestFailed with MALFORMED."""
        try:
            document = orjson.loads(body)
            _bounded(document)
            args = _READER.to_object(document["args"])
            return Request(_id(document), str(document["op"]), str(document.get("processor") or ""), dict(args))
        except InvalidRequest:
            raise
        except Exception as error:  # the library's readers raise whatever their parsing runs into
            raise RequestFailed(
                Status.MALFORMED, f"the request is no GraphSON 3 that is read here: {_why(error)}"
            ) from error

    def response(self, request: uuid.UUID, status: Status, message: str | None, data: list[Any] | None) -> bytes:
        """One frame of an answer."""
        empty = {"@type": "g:Map", "@value": []}
        return orjson.dumps(
            {
                "requestId": str(request),
                "status": {"message": message or "", "code": int(status), "attributes": empty},
                "result": {"data": _WRITER.to_dict(data), "meta": empty},
            }
        )


def _why(error: Exception) -> str:
    return f"{error.args[0] if error.args else ''}"[:200] or type(error).__name__


def _id(document: Any) -> uuid.UUID:
    given = document["requestId"]
    return uuid.UUID(given["@value"] if isinstance(given, dict) else given)


def _bounded(document: Any) -> None:
    """Before anything walks it recursively."""
    level = [document]
    for _ in range(_DEPTH):
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"its values are nested more than {_DEPTH} deep")


# Reading --------------------------------------------------------------------------------------------------------------


class _Reader(GraphSONReader):  # type: ignore[misc]  # gremlinpython ships no types
    """The library's, strict: a type that is not in the table is an error, where the library takes it for a map."""

    def __init__(self, deserializers: Mapping[str, Any]) -> None:
        super().__init__()
        self.deserializers = deserializers

    def to_object(self, obj: Any) -> Any:
        if not isinstance(obj, dict) or GraphSONUtil.TYPE_KEY not in obj:
            return super().to_object(obj)
        kind = str(obj[GraphSONUtil.TYPE_KEY])
        if kind.endswith("Strategy"):
            return _strategy(kind, obj.get(GraphSONUtil.VALUE_KEY), self)
        if kind not in self.deserializers:
            raise ValueError(f"values of type {kind[:40]!r} are not taken")
        return self.deserializers[kind].objectify(obj[GraphSONUtil.VALUE_KEY], self)


def _bytecode(value: Any, reader: _Reader) -> Bytecode:
    bytecode = Bytecode()
    bytecode.source_instructions = _instructions(value.get("source", ()), reader)
    bytecode.step_instructions = _instructions(value.get("step", ()), reader)
    return bytecode


def _instructions(value: Any, reader: _Reader) -> list[list[Any]]:
    return [[str(name), *map(reader.to_object, arguments)] for name, *arguments in value]


def _predicate(value: Any, reader: _Reader) -> Any:
    """Several values are a bare list; a typed one is one value."""
    given = value["value"]
    return predicate(
        value["predicate"], [reader.to_object(item) for item in (given if isinstance(given, list) else [given])]
    )


def _member(kind: Mapping[str, Enum], value: Any, _reader: _Reader) -> Enum:
    return kind[value]


def _strategy(kind: str, value: Any, reader: _Reader) -> Any:
    configuration = (value or {}).get("conf", value or {})
    return strategy(kind, {key: reader.to_object(item) for key, item in configuration.items()})


def _binding(value: Any, reader: _Reader) -> Binding:
    return Binding(str(value["key"]), reader.to_object(value["value"]))


_OURS: Mapping[str, Reads] = {
    "g:Bytecode": Reads(_bytecode),
    "g:P": Reads(_predicate),
    "g:TextP": Reads(_predicate),
    "g:Binding": Reads(_binding),
    **{f"g:{kind}": Reads(partial(_member, members)) for kind, members in ENUMS.items()},
}
#: What the library reads in requests. Absent: what stands in answers alone, and BulkSet, which says how often.
_THEIRS = (
    library.Int32IO,
    library.Int64IO,
    library.Int16IO,
    library.ByteIO,
    library.BigIntegerIO,
    library.FloatIO,
    library.DoubleIO,
    library.DateIO,
    library.TimestampIO,
    library.UUIDIO,
    library.ListIO,
    library.SetIO,
    library.MapType,
    library.VertexDeserializer,
    library.EdgeDeserializer,
)
_READER = _Reader({**{kind.graphson_type: kind for kind in _THEIRS}, **_OURS})


# Writing --------------------------------------------------------------------------------------------------------------


def _typed(kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {GraphSONUtil.TYPE_KEY: f"g:{kind}", GraphSONUtil.VALUE_KEY: value}


def _vertex(vertex: Vertex, writer: GraphSONWriter) -> dict[str, Any]:
    properties: dict[str, list[Any]] = {}
    for found in vertex.properties or ():
        value = {"id": writer.to_dict(found.id), "value": writer.to_dict(found.value), "label": found.label}
        properties.setdefault(found.label, []).append(_typed("VertexProperty", value))
    given = {"properties": properties} if properties else {}
    return _typed("Vertex", {"id": writer.to_dict(vertex.id), "label": vertex.label, **given})


def _edge(edge: Edge, writer: GraphSONWriter) -> dict[str, Any]:
    properties = {
        found.key: _typed("Property", {"key": found.key, "value": writer.to_dict(found.value)})
        for found in edge.properties or ()
    }
    value = library.EdgeSerializer.dictify(edge, writer)[GraphSONUtil.VALUE_KEY]
    return _typed("Edge", {**value, **({"properties": properties} if properties else {})})


def _path(path: Path, writer: GraphSONWriter) -> dict[str, Any]:
    return _typed("Path", {"labels": writer.to_dict(path.labels), "objects": writer.to_dict(path.objects)})


def _itself(value: Any, _writer: GraphSONWriter) -> Any:
    return value


_WRITER = GraphSONWriter(
    {
        Vertex: Writes(_vertex),
        Edge: Writes(_edge),
        Path: Writes(_path),
        Set: Writes(library.SetIO.dictify),
        str: Writes(_itself),
        bool: Writes(_itself),
        type(None): Writes(_itself),
        long: library.Int64IO,
    }
)
