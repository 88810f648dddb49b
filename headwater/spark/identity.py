"""Which job this is, as AWS Glue says it: in Spark's settings, else among the script's arguments. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headwater.spline_bridge.glue_names import SETTINGS

__all__ = ["KEYS", "identity"]

KEYS = SETTINGS
"""Glue's settings, which Headwater reads under the same names, and the script's arguments for them."""


def identity(conf: Mapping[str, str | None], arguments: Sequence[str]) -> dict[str, str]:
    """Name, run and account of a Glue job; empty elsewhere."""
    found = {key: conf.get(key) or _argument(arguments, option) for key, option in KEYS.items()}
    return {key: value for key, value in found.items() if value}


def _argument(arguments: Sequence[str], option: str) -> str:
    """``--NAME value`` or ``--NAME=value``."""
    for at, each in enumerate(arguments):
        name, equals, value = each.partition("=")
        if option and name == option:
            return value if equals else "".join(arguments[at + 1 : at + 2])
    return ""
