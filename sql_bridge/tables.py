"""The tables of a statement that cannot be read further, by its words alone: what it writes, and what it reads.

The last resort: a statement that sqlglot cannot parse still says after which words tables stand. What is found is an
edge between datasets, never between columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import TokenType

from headwater.sql_bridge.model import Dialect

#: Words after which the table stands that is written: anywhere in a statement, and at its beginning alone.
_WRITES = frozenset({"INTO", "OVERWRITE"})
_WRITES_FIRST = frozenset({"UPDATE", "TABLE", "VIEW", "COPY", "TRUNCATE"})
#: Words after which one stands that is read: in any statement, and in those that begin with one of these.
_READS = frozenset({"FROM", "JOIN"})
_WITH_USING = frozenset({"MERGE", "DELETE"})
#: Words between one of these and the name.
_BETWEEN = frozenset({"TABLE", "INTO", "IF", "NOT", "EXISTS", "ONLY", "LATERAL"})
#: A word is a name if it is no other word that can follow: engines let tables have the names of many keywords.
_NAME = re.compile(r"[^\W\d][\w$#]*|#[\w$#]+")
_NO_NAMES = frozenset(
    "SELECT SET VALUES WHERE ON AS WITH GROUP ORDER HAVING LIMIT INNER LEFT RIGHT FULL CROSS DIRECTORY UNNEST".split()  # noqa: SIM905
)
#: ``CREATE OR REPLACE TEMP TABLE IF NOT EXISTS``: where a statement's beginning ends.
_BEGINNING = 6


def split(sql: str, dialect: str) -> list[str]:
    """The statements of a script, each as it stands there, without empty ones. SqlglotError: it is no SQL at all."""
    tokens = sqlglot.tokenize(sql, dialect=dialect)
    parts, start = [], None
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            if start is not None:
                parts.append(sql[start : token.start])
            start = None
        elif start is None:
            start = token.start
    if start is not None:
        parts.append(sql[start:])
    return [part.strip() for part in parts if part.strip()]


def tables(sql: str, dialect: Dialect) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(written, read): names filled up as `queries.table_name` does, each once; nothing where it is no SQL at all."""
    try:
        tokens = sqlglot.tokenize(sql, dialect=dialect.name)
    except SqlglotError:
        return (), ()
    if tokens and tokens[0].token_type == TokenType.HIVE_TOKEN_STREAM:  # of Athena: which of its two parsers reads it
        tokens = tokens[1:]
    ctes = set(_ctes(tokens))
    first = tokens[0].text.upper() if tokens else ""
    found: dict[str, bool] = {}
    last = ""
    for index, token in enumerate(tokens):
        word = token.text.upper()
        if last and word in _BETWEEN:
            continue
        begins = word in _WRITES_FIRST and index < _BEGINNING
        writes = word in _WRITES or (begins and not (first == "CREATE" and found))
        if writes or begins or word in _READS or (word == "USING" and first in _WITH_USING):
            last = "write" if writes or (first == "DELETE" and not found) else "read"
            continue
        if last and _is_name(token):
            parts = list(_parts(tokens, index))
            after = index + 2 * len(parts) - 1
            called = last == "read" and after < len(tokens) and tokens[after].token_type == TokenType.L_PAREN
            if not called and not (len(parts) == 1 and parts[0].lower() in ctes):
                name = _place(parts) or dialect.full(
                    [part.upper() if dialect.name == "snowflake" else part.lower() for part in parts]
                )
                found[name] = found.get(name, False) or last == "write"
        if last and token.token_type == TokenType.STRING and "://" in token.text:
            found[token.text] = last == "write"
        last = last if word == "DIRECTORY" else ""
    return tuple(name for name, is_written in found.items() if is_written), tuple(
        name for name, is_written in found.items() if not is_written
    )


def _place(parts: Sequence[str]) -> str:
    """Spark's ``parquet.`s3://lake/orders` `` is the place itself, as `queries.table_name` has it."""
    return parts[-1] if "://" in parts[-1] or parts[-1].startswith("/") else ""


def _is_name(token: Any) -> bool:
    quoted = token.token_type == TokenType.IDENTIFIER
    return quoted or (_NAME.fullmatch(token.text) is not None and token.text.upper() not in _NO_NAMES)


def _ctes(tokens: Sequence[Any]) -> Iterator[str]:
    """``name AS (``: what a WITH calls its queries."""
    for name, word, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if word.text.upper() == "AS" and after.token_type == TokenType.L_PAREN and _is_name(name):
            yield name.text.lower()


def _parts(tokens: Sequence[Any], index: int) -> Iterator[str]:
    """A name with its dots, from the token at `index` on."""
    yield tokens[index].text
    while index + 2 < len(tokens) and tokens[index + 1].token_type == TokenType.DOT:
        index += 2
        yield tokens[index].text
