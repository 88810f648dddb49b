"""What the statements of a run did to each table, by their words: for producers that send the SQL, but not its effect.

Airflow's provider, for one, reports ``CREATE TABLE``, ``TRUNCATE``, ``DELETE`` and ``INSERT`` alike: a dataset is an
output. Only words are looked at, and whatever is not known here is no answer: then the run counts as before. Not here:
where columns come from, which the producer's own parser tells (`columns`).
Time linear in the text; a text of more than `LONGEST` characters is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache

#: Characters of a script that is read: some ms of time.
LONGEST = 20_000


class Did(Enum):
    """What statements did to a table, all together."""

    CREATED = "created"  #: an empty one was made, if there was none
    CHANGED = "changed"  #: rows or columns were taken away, or what describes it; nothing came from elsewhere
    EMPTIED = "emptied"
    DROPPED = "dropped"
    ADDED = "added"  #: rows were written beside those that may have been there
    REPLACED = "replaced"  #: whatever was there is gone, and other rows or another definition are there


#: Comments and strings, quoted names, words, the end of a statement, anything else; one that does not end goes to the
#: end of the text, so that no text is read twice.
_TOKEN = re.compile(
    r"--[^\n]*|/\*(?:[^*]|\*(?!/))*(?:\*/|\Z)|'[^']*(?:'|\Z)"
    r"|\"(?P<double>[^\"]*)\"?|`(?P<back>[^`]*)`?|\[(?P<bracket>\w+)\]|(?P<word>[^\W\d][\w$#]*)|(?P<sign>[;.(])|\S"
)
#: Statements that write no table, by their first word.
_HARMLESS = frozenset(
    "analyze analyse begin comment commit end grant reset revoke rollback savepoint set show start use vacuum".split()  # noqa: SIM905
)
_RIGHTS = frozenset(["grant", "revoke"])  #: they name what may be done, and do not do it
_WRITING = frozenset(["insert", "update", "delete", "merge", "copy", "call"])
#: Words that a statement with rows from elsewhere has; a CREATE without any of them makes an empty table.
_ROWS = frozenset(["as", "select", "with", "values", "insert", "copy", "from", "like", "clone", "location"])
_BEFORE_NAME = frozenset(["table", "view", "into", "if", "not", "exists", "only", "from", "overwrite"])
_TABLES = frozenset(["table", "view"])
#: Of a CREATE, between it and what it makes.
_KINDS = frozenset(
    "or replace temp temporary transient local global unlogged external recursive materialized volatile force".split()  # noqa: SIM905
)


@lru_cache(256)
def done(script: str) -> Mapping[str, Did]:
    """By the last part of each table's name, in lower case. Empty: there is a statement whose effect is not known."""
    if len(script) > LONGEST:
        return {}
    found: dict[str, Did] = {}
    for statement in _statements(script):
        read = _read(statement)
        if read is None:
            return {}
        for table, did in read:
            found[table] = _after(found.get(table), did)
    return found


def _after(before: Did | None, did: Did) -> Did:
    """What two statements did to a table, one after the other."""
    gone = before in (Did.DROPPED, Did.EMPTIED, Did.REPLACED)
    if did is Did.ADDED:
        return Did.REPLACED if gone else did
    if did is Did.CREATED and before is Did.DROPPED:
        return Did.EMPTIED
    if did in (Did.CREATED, Did.CHANGED) and before not in (None, Did.CREATED):
        return before
    return did


def _statements(script: str) -> Iterator[list[str]]:
    """The words of each statement in lower case, with ``.`` and ``(``; a quoted name is a word."""
    words: list[str] = []
    for token in _TOKEN.finditer(script):
        word = next((found for found in token.groups() if found is not None), None)
        if word == ";" and token.lastgroup == "sign":
            if words:
                yield words
            words = []
        elif word is not None:
            words.append(word.lower())
    if words:
        yield words


def _read(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    """The tables of a statement, with what it does to them; none if it writes none; None: that is not known."""
    first, rest = words[0], words[1:]
    if first in _HARMLESS:  # but for a block, `BEGIN INSERT ...`
        return [] if first in _RIGHTS or not _WRITING & {*rest} else None
    reader = _READERS.get(first)
    return reader(rest) if reader else None


def _created(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    start = next((n for n, word in enumerate(words) if word not in _KINDS), len(words))
    what = words[start] if start < len(words) else ""
    if what not in _TABLES:
        return [] if what in ("index", "unique", "schema", "database", "sequence", "role", "extension") else None
    head, after = words[:start], words[start + 1 :]
    table, rest = _name(after)
    if not table:
        return None
    if after[:1] == ["if"]:
        made = Did.ADDED if _ROWS & {*rest} else Did.CREATED
    elif _ROWS & {*rest}:
        # `LIKE` and `CLONE` are of other tables, and an external table has the rows of its location.
        made = Did.REPLACED if "as" in rest and "external" not in head else Did.ADDED
    else:
        made = Did.EMPTIED if "replace" in head else Did.CREATED
    # A temporary one is of no other session, and its name may be that of a table that is kept.
    return [] if {"temp", "temporary", "volatile", "local"} & {*head} else [(table, made)]


def _dropped(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    at = 1 if words[:1] == ["materialized"] else 0
    if words[at : at + 1] not in (["table"], ["view"]):
        return []
    return _alone(words[at:], Did.DROPPED)


def _emptied(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    return _alone(words, Did.EMPTIED)


#: What may follow the one name of a DROP or TRUNCATE; anything else may be a second name, or a part of the table.
_AFTER_NAME = frozenset(["cascade", "restrict", "purge", "constraints", "restart", "continue", "identity", "storage"])


def _alone(words: Sequence[str], did: Did) -> list[tuple[str, Did]] | None:
    table, rest = _name(words)
    return [(table, did)] if table and {*rest} <= _AFTER_NAME else None


def _deleted(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    table, rest = _name(words)
    some = {"where", "using"} & {*rest}
    return [(table, Did.CHANGED if some else Did.EMPTIED)] if table else None


def _inserted(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    table, rest = _name(words)
    if not table or words[0] not in ("into", "overwrite"):
        return None
    whole = words[0] == "overwrite" and "partition" not in rest
    return [(table, Did.REPLACED if whole else Did.ADDED)]


def _updated(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    table, _ = _name(words)
    return [(table, Did.ADDED)] if table else None


def _altered(words: Sequence[str]) -> list[tuple[str, Did]] | None:
    """Columns and properties of a table. One that moves rows or names is not known."""
    table, rest = _name(words)
    columns = {"column", "constraint", "owner", "comment", "tblproperties"} & {*rest}
    moved = {"append", "attach", "exchange", "swap", "rename", "partition", "location"} & {*rest}
    return [(table, Did.CHANGED)] if table and columns and not moved and words[0] == "table" else None


_READERS = {
    "create": _created,
    "drop": _dropped,
    "truncate": _emptied,
    "delete": _deleted,
    "insert": _inserted,
    "update": _updated,
    "merge": _updated,
    "alter": _altered,
}


def _name(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """The last part of the name after words such as ``TABLE IF EXISTS``, and what follows it; empty: there is none."""
    at = 0
    while at < len(words) and words[at] in _BEFORE_NAME:
        at += 1
    if at >= len(words) or words[at] in (".", "("):
        return "", ()
    while at + 2 < len(words) and words[at + 1] == ".":
        at += 2
    return words[at], words[at + 1 :]
