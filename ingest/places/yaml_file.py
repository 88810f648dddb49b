"""YAML that people write: its data, and the line and column of each part, so that a mistake is told with its place.

Here: reading YAML. Not here: what a file may hold; each file has its own JSON Schema, given to `schema_faults`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.graphmodel.constants import cut

Path = tuple[object, ...]
"""Keys and indexes that lead to a part of a document."""

KEY = "\0key"
"""After a key in a path: the key itself, not its value."""

Fault = tuple[Path, str, "tuple[str, ...]"]
"""What is wrong with a document: where, a sentence, and what may have been meant."""


class InvalidYaml(ValueError):
    """No YAML; the message begins with ``FILE:LINE:COLUMN`` where that is known."""


@dataclass(frozen=True)
class Document:
    """The data of a YAML file, and where each part of it begins: line and column, from 1."""

    data: Any
    marks: Mapping[Path, tuple[int, int]]

    def mark(self, path: Path) -> tuple[int, int]:
        """Where a part begins, or the nearest one around it."""
        while path and path not in self.marks:
            path = path[:-1]
        return self.marks.get(path, (1, 1))


def parse(text: bytes, name: str) -> Document:
    """The document in a YAML text; `name` is the file's, for the message. InvalidYaml: also if it is too large.

    Aliases (``*x``) may repeat parts, but nine of nine of nine ... are a document of billions of parts in a few lines.
    """
    import yaml

    if len(text) > _LARGEST:
        raise InvalidYaml(f"{name} has more than {_LARGEST:,} bytes, which no file that people write has")

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_if_large(root, name)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise InvalidYaml(f"{where}: no YAML: {getattr(error, 'problem', None) or error}") from None
    except (RecursionError, ValueError) as error:
        raise InvalidYaml(f"{name}: no YAML: {error}") from None
    return Document(data, _marks(root, name))


#: Bytes and parts of a file that people write. YAML is read slowly: a second for as many bytes.
_LARGEST = 2**20
_MOST_PARTS = 200_000


def _refuse_if_large(root: Any, name: str) -> None:
    """Count the parts of a composed document, those behind an alias as often as they are named. InvalidYaml."""
    sizes: dict[int, int | None] = {}  # None: it is being counted, so an alias to it leads back to itself
    stack: list[Any] = [root] if root is not None else []
    while stack:
        node = stack[-1]
        children = _children(node)
        if id(node) not in sizes:
            sizes[id(node)] = None
            stack += [child for child in children if id(child) not in sizes]
            looped = [child for child in children if id(child) in sizes and sizes[id(child)] is None]
        else:
            stack.pop()
            if sizes[id(node)] is not None:
                continue
            counted = [sizes[id(child)] for child in children]
            looped = [child for child, size in zip(children, counted, strict=True) if size is None]
            sizes[id(node)] = 1 + sum(size or 0 for size in counted)
        where = f"{name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"
        if looped:
            raise InvalidYaml(f"{where}: a part of the file holds itself by an alias")
        if (sizes[id(node)] or 0) > _MOST_PARTS:
            raise InvalidYaml(f"{where}: with its aliases written out it has more than {_MOST_PARTS:,} parts")


def _children(node: Any) -> list[Any]:
    if node.id == "mapping":
        return [part for pair in node.value for part in pair]
    return list(node.value) if node.id == "sequence" else []


def _marks(root: Any, name: str) -> dict[Path, tuple[int, int]]:
    """Where each part begins. InvalidYaml: a key is there twice, of which YAML takes the last one without a word."""
    marks: dict[Path, tuple[int, int]] = {}
    stack: list[tuple[Any, Path]] = [(root, ())]
    seen: set[int] = set()  # an alias may lead back to what holds it
    while stack:
        node, path = stack.pop()
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        marks[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
        if node.id == "mapping":
            for key, value in node.value:
                if (*path, key.value, KEY) in marks:
                    where = f"{name}:{key.start_mark.line + 1}:{key.start_mark.column + 1}"
                    raise InvalidYaml(f"{where}: the key {cut(key.value, _LONGEST_SHOWN)!r} is there twice")
                stack.append((value, (*path, key.value)))
                marks[(*path, key.value, KEY)] = (key.start_mark.line + 1, key.start_mark.column + 1)
        elif node.id == "sequence":
            stack.extend((item, (*path, number)) for number, item in enumerate(node.value))
    return marks


def schema_faults(
    document: Any, schema: Mapping[str, Any], sentences: Mapping[str, str] | None = None
) -> Iterator[Fault]:
    """What a JSON Schema has against a document. `sentences` replace those of a keyword, such as ``oneOf``."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)
    for error in sorted(validator.iter_errors(document), key=lambda e: [str(part) for part in e.absolute_path]):
        path: Path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            known = sorted(error.schema["properties"])
            unknown = min(set(error.instance) - set(known), key=str)
            near = tuple(difflib.get_close_matches(str(unknown), known))
            yield (*path, unknown, KEY), f"unknown key {unknown!r}", near
        elif sentences and error.validator in sentences:
            yield path, sentences[str(error.validator)], ()
        else:
            shown = ".".join(map(str, path)) or "the file"
            yield path, f"{shown}: {cut(error.message, _LONGEST_SHOWN)}", ()


_LONGEST_SHOWN = 200  #: characters of what is wrong: it can be the whole file
