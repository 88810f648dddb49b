"""How one thing is asked of the JVM through py4j: small readers, from which `capture` builds its tables.

A reader takes a py4j object and gives plain Python data. Each getter is a round trip, and each object that comes back
is another one when it is dropped, so collections come as one text, joined by a character that no name has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headwater.spline_bridge.secret_patterns import MASK, clean_text, secret_name

Reader = Callable[[Any], Any]

#: Between the items of a collection on its way from the JVM: ASCII's unit separator.
SEPARATOR = "\x1f"


def ask(reader: Reader, target: Any) -> Any:
    """What the reader says; None where the JVM has no such getter, or the getter fails: versions differ in both."""
    try:
        return reader(target)
    except Exception:  # noqa: BLE001 - py4j's errors are not importable here, and a detail must never cost the whole
        return None


def answers(readers: Mapping[str, Reader], target: Any) -> dict[str, Any]:
    """The answers of a table of readers, without those that there is no answer to."""
    found = {name: ask(reader, target) for name, reader in readers.items()}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def follow(target: Any, path: str) -> Any:
    """Getters one after the other: ``location.rootPaths`` is ``target.location().rootPaths()``."""
    for name in path.split("."):
        target = getattr(target, name)()
    return target


def private(target: Any, name: str) -> Any:
    """A field that has no getter, of the object's class or of one that it extends; None: there is none of the name."""
    kind = target.getClass()
    while kind is not None:
        field = ask(lambda asked: asked.getDeclaredField(name), kind)
        if field is not None:
            field.setAccessible(True)
            return field.get(target)
        kind = kind.getSuperclass()
    return None


def text(path: str) -> Reader:
    """The text of what a path of getters ends in."""
    return lambda target: str(follow(target, path + ".toString"))


def value(path: str) -> Reader:
    """What a path of getters ends in: a text, number or boolean, which py4j gives as Python's own."""
    return lambda target: follow(target, path)


def items(path: str) -> Reader:
    """A Scala collection as a list of texts."""
    return lambda target: split(follow(target, path))


def split(collection: Any) -> list[str]:
    """A Scala collection as a list of texts, in one call."""
    joined = str(collection.mkString(SEPARATOR))
    return joined.split(SEPARATOR) if joined else []


def pairs(path: str) -> Reader:
    """A Scala map of texts as a dictionary; the values of passwords, keys and tokens are masked here already."""
    return lambda target: dictionary(follow(target, path))


def dictionary(scala_map: Any) -> dict[str, str]:
    """A Scala map of texts as a dictionary, in one call, without the secrets that it holds by name or inside a URL."""
    found = (item.partition(" -> ") for item in split(scala_map))
    return {key: MASK if secret_name(key) else clean_text(content)[0] for key, _, content in found}


def java_map(path: str, keys: tuple[str, ...]) -> Reader:
    """These keys of a ``java.util.Map``, where it has them."""

    def reader(target: Any) -> dict[str, str]:
        known = follow(target, path)
        found = {key: known.get(key) for key in keys}
        return {key: str(content) for key, content in found.items() if content is not None}

    return reader


def optional(path: str, reader: Reader) -> Reader:
    """What a reader says of the content of a Scala ``Option``; None if it is empty."""

    def wrapped(target: Any) -> Any:
        option = follow(target, path)
        return reader(option.get()) if option.isDefined() else None

    return wrapped


def class_name(target: Any) -> str:
    """The class without its package, as the plan's JSON has it in full: ``DataSourceV2Relation``."""
    return str(target.getClass().getName()).rpartition(".")[2]


def short_name(path: str) -> Reader:
    """The name of a format: ``parquet``. A format without a short name goes by its text."""

    def reader(target: Any) -> str:
        format_ = follow(target, path)
        return str(ask(value("shortName"), format_) or format_.toString())

    return reader


#: What is kept of ``CatalogTable.toLinkedHashMap``. It has the schema, comments and properties too.
_TABLE = ("Catalog", "Database", "Table", "Type", "Provider", "Location", "Partition Columns")


def catalog_table(table: Any) -> dict[str, str]:
    """A ``CatalogTable``: its names, type, provider, location and partition columns, by Spark's own headings."""
    known = dictionary(table.toLinkedHashMap())
    return {key: known[key] for key in _TABLE if known.get(key)}
