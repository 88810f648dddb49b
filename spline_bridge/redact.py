"""What a payload must not carry into the ledger, the graph or a log: passwords, tokens, keys, pickles, stack traces.

Pure and idempotent; a document without such things is returned as it is, so that its bytes can be kept as they came.
What is removed is said in a note per place: ``$.operations.reads[0].params.password: password``. A value that the
agent has masked already (``*****``, its own filter `dsPasswordReplace`) is no secret any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from headwater.spline_bridge.errors import json_path
from headwater.spline_bridge.secret_patterns import (
    MASK,
    NAMED,
    NAMING,
    Cleaned,
    clean_error,
    clean_texts,
    flag_name,
    holds_a_name,
    is_masked,
    is_ordinary,
    option_name,
    secret_name,
)

_SHOWN_NOTES = 100  #: a ledger entry's own size stays bounded, whatever its payload holds

_PLAIN, _ERROR = "", "error"  #: what stands below a place, beside the kinds of secrets

# Their values are the plan's own ids and types, also below a key that sounds like a secret: {"token": {"__exprId": ..}}
_STRUCTURE = frozenset({"__attrId", "__exprId", "_typeHint", "dataType", "dataTypeId", "refId"})


def redact(document: Any) -> tuple[Any, tuple[str, ...]]:
    """The document without its secrets, and a note for each place. Without secrets: the document itself and no notes.

    An object is an execution plan; an array is one of events, whose `error` is cut to class and first line.
    The document given is not changed. It may be of any depth.
    """
    keys, texts = _keys_and_texts(document)
    special = "func" in keys or ("error" in keys and isinstance(document, list)) or holds_a_name(texts)
    keys -= _harmless_keys
    dirty = clean_texts(keys | texts)
    secret = {key for key in keys if key in dirty or secret_name(key)}
    _remember(keys - secret)
    if not (dirty or special or secret):
        return document, ()
    redaction = _Redaction(document, dirty)
    redacted = redaction.run()
    return redacted, _bounded(redaction.notes)


#: Keys that were looked at before: those of plans are nearly always the same ones.
_harmless_keys: set[str] = set()
_MOST_KEYS = 5_000
_LONGEST_KEY = 100


def _remember(keys: Iterable[str]) -> None:
    """Keep keys that name and hold no secret, within bounds."""
    if len(_harmless_keys) < _MOST_KEYS:
        short = [key for key in keys if len(key) <= _LONGEST_KEY]
        _harmless_keys.update(short[: _MOST_KEYS - len(_harmless_keys)])


def _keys_and_texts(document: Any) -> tuple[set[str], set[str]]:
    """All distinct keys and all distinct texts: a plan repeats most of them many times."""
    keys: set[str] = set()
    texts: set[str] = set()
    waiting = [document]
    add, later = texts.add, waiting.append
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            keys.update(node)
            node = node.values()
        for value in node:
            kind = type(value)
            if kind is str:
                add(value)
            elif kind is dict or kind is list or isinstance(value, (dict, list)):
                later(value)
    return keys, texts


class _Place:
    """A container on the way through a document; it is copied, with those around it, when something in it changes."""

    __slots__ = ("copied", "holds", "key", "node", "parent")

    def __init__(self, node: Any, parent: _Place | None, key: str | int, holds: str) -> None:
        self.node = node
        self.parent = parent
        self.key = key
        self.holds = holds  #: plain things, an error, or a kind of secret
        self.copied = False

    def editable(self) -> Any:
        """Its own copy, reachable from the copy of the root."""
        outward: list[_Place] = []
        place: _Place | None = self
        while place is not None and not place.copied:
            outward.append(place)
            place = place.parent
        for place in reversed(outward):
            place.node = place.node.copy()
            place.copied = True
            if place.parent is not None:
                place.parent.node[place.key] = place.node
        return self.node

    def path(self, key: str | int) -> str:
        """JSON path of what it has under `key`."""
        steps = [key]
        place = self
        while place.parent is not None:
            steps.append(place.key)
            place = place.parent
        return json_path(reversed(steps))

    @property
    def is_event(self) -> bool:
        """Whether it is an element of the outermost array."""
        return self.parent is not None and self.parent.parent is None and isinstance(self.key, int)


class _Redaction:
    """The second look, at a document that holds something: place by place, outermost first, at any depth."""

    def __init__(self, document: Any, dirty: Mapping[str, Cleaned]) -> None:
        self.dirty = dirty
        self.notes: list[str] = []
        self.root = _Place(document, None, "", _PLAIN)
        self.waiting = deque([self.root])

    def run(self) -> Any:
        """The document as it may be kept."""
        while self.waiting:
            place = self.waiting.popleft()
            if isinstance(place.node, dict):
                self.clean_keys(place)
                self.clean_values(place, list(place.node.items()))
            else:
                self.clean_values(place, enumerate(place.node))
        return self.root.node

    def clean_keys(self, place: _Place) -> None:
        """A key can be a URL. Of two that become the same the last one's value stays."""
        if self.dirty.keys().isdisjoint(place.node):
            return
        values = dict(place.node)
        node = place.editable()
        node.clear()
        for key, value in values.items():
            new, kinds = self.dirty.get(key, (key, ()))
            node[new] = value
            self.note(place, new, kinds)

    def clean_values(self, place: _Place, items: Iterable[tuple[str | int, Any]]) -> None:
        """What stands in a container; the containers in it are left for later."""
        named = _named(place.node)
        for key, value in items:
            if key == "func" and _is_pickled(place, value):
                del place.editable()[key]
                self.note(place, key, ("pickled function",))
            elif isinstance(value, (dict, list)):
                self.waiting.append(_Place(value, place, key, _below(place, key) or named.get(key, _PLAIN)))
            else:
                new, kinds = self.cleaned(value, _below(place, key) or named.get(key, _PLAIN))
                if kinds:
                    place.editable()[key] = new
                    self.note(place, key, kinds)

    def cleaned(self, value: Any, holds: str) -> tuple[Any, tuple[str, ...]]:
        """What may be kept of a text, number, boolean or null, and the kinds of what may not."""
        if holds == _PLAIN:
            return self.dirty.get(value, (value, ())) if isinstance(value, str) else (value, ())
        if holds == _ERROR:
            return clean_error(value) if isinstance(value, str) else (value, ())
        return (value, ()) if is_masked(str(value)) else (MASK, (holds,))

    def note(self, place: _Place, key: str | int, kinds: tuple[str, ...]) -> None:
        """Says, if there are kinds, that they stood there."""
        if kinds:
            self.notes.append(f"{place.path(key)}: {', '.join(kinds)}")


def _below(place: _Place, key: str | int) -> str:
    """What stands under a key of that place."""
    if place.holds and key not in _STRUCTURE:
        return place.holds
    if isinstance(key, int) or key in _STRUCTURE:
        return _PLAIN
    if key == "error" and place.is_event:
        return _ERROR
    return secret_name(key) or _PLAIN


def _named(node: Any) -> Mapping[str | int, str]:
    """Where in a container a value stands whose name is a value, too, and the kind of secret that it is.

    {"name": "DB_PASSWORD", "value": "x"}, ["--password", "x"], and ["spark.my.password", "x"].
    """
    found: dict[str | int, str] = {}
    if isinstance(node, list):
        flags = (
            (index, flag_name(one)) for index, one in enumerate(node[:-1]) if isinstance(one, str) and one[:1] == "-"
        )
        found.update((index + 1, kind) for index, kind in flags if kind is not None and not _is_flag(node[index + 1]))
        if len(node) == len(("name", "value")) and isinstance(node[0], str) and (kind := option_name(node[0])):
            found[1] = kind
        return found
    for name in [name for key in NAMING if isinstance(name := node.get(key), str)]:
        kind = secret_name(name)
        if kind is not None:
            found.update({key: kind for key in NAMED if key in node and not is_ordinary(name, node[key])})
    return found


def _is_flag(argument: object) -> bool:
    return isinstance(argument, str) and argument.startswith("-")


def _is_pickled(place: _Place, value: object) -> bool:
    """`PythonUDF.params.func`: Spark prints the pickle as numbers."""
    return place.key == "params" and (
        isinstance(value, list) or (isinstance(value, str) and "PythonFunction(" in value)
    )


def _bounded(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - _SHOWN_NOTES
    return tuple(notes) if more <= 0 else (*notes[:_SHOWN_NOTES], f"and {more} more")
