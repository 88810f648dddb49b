"""SQL text into sqlglot's tree, and its errors into a sentence; what sqlglot does not parse is prepared here."""

from __future__ import annotations

import re
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.tokenizer_core import TokenType

from headwater.sql_bridge.model import Dialect


def parsed(sql: str, dialect: Dialect) -> Any:
    """The one statement of a text, its names in the engine's case. SqlglotError."""
    begin = without_comments(sql)
    if dialect.name == "spark" and _REPLACE.match(begin):  # which says that there is one: else it is the same
        sql = f"CREATE OR {begin}"
    node = sqlglot.parse_one(sql, dialect=dialect.name, error_level=ErrorLevel.RAISE)
    if isinstance(node, exp.Command):
        return node
    return normalize_identifiers(node, dialect=dialect.name)


_REPLACE = re.compile(r"REPLACE\s+TABLE\b", re.IGNORECASE)


def sentence(error: BaseException) -> str:
    """Why a statement cannot be read, for people."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, SqlglotError):
        details = getattr(error, "errors", None)
        place = (
            f" at line {details[0]['line']}, column {details[0]['col']}" if details and details[0].get("line") else ""
        )
        said = details[0]["description"].rstrip(".") if details else str(error).partition("\n")[0]
        said = said.partition(" but got <")[0].partition(" for <class")[0]
        return f"it cannot be parsed: {said}{place}"
    return str(error)


def unload_of(sql: str, dialect: Dialect) -> tuple[str, str] | None:
    """(query, place) of ``UNLOAD (query) TO 'place'``, which sqlglot does not parse; None: it is none."""
    begin = without_comments(sql)
    if begin[:6].upper() != "UNLOAD":
        return None
    rest = begin[6:]  # as a whole it is one token for sqlglot
    tokens = sqlglot.tokenize(rest, dialect=dialect.name)
    level = 0
    for index, token in enumerate(tokens):
        level += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
        if level == 0:
            if index + 2 >= len(tokens) or tokens[index + 1].text.upper() != "TO":
                return None
            inside = tokens[1:index]
            quoted = len(inside) == 1 and inside[0].token_type not in {TokenType.VAR, TokenType.IDENTIFIER}
            query = inside[0].text if quoted else rest[tokens[0].end + 1 : token.start]
            return query, tokens[index + 2].text
    return None


def without_comments(sql: str) -> str:
    """The text from its first word on: dbt and others begin with a comment."""
    rest = sql.lstrip()
    while rest.startswith(("--", "/*")):
        rest = rest.partition("\n" if rest.startswith("--") else "*/")[2].lstrip()
    return rest
