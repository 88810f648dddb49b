"""Joins the page's ES modules into one, since a notebook (anywidget) takes one text, and a browser loads one faster.

The modules keep to rules that make this simple: an import is one line with names from ``"./x.js"``, nothing is exported
as default, and a name at the top of a module is used in no other one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from headwater.web.lean import lean_script

_IMPORT = re.compile(r'^import \{ ([\w$, ]+?),? \} from "\./([\w.-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async function|function|const|let|class)\b)", re.MULTILINE)
_DECLARED = re.compile(r"^(export )?(?:async function|function|const|let|class)\*? ([\w$]+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class CannotJoin(ValueError):
    """The modules break a rule; the message names the module and the line or name."""


def joined(modules: Mapping[str, str], entry: str) -> str:
    """The text of `entry` (a file name) behind that of all modules that it needs, without imports and exports.

    `modules` are texts by file name. CannotJoin.
    """
    order = _in_order(modules, entry)
    texts: list[str] = []
    homes: dict[str, str] = {}
    exported = {name: {found[2] for found in _DECLARED.finditer(modules[name]) if found[1]} for name in order}
    for name in order:
        for found in _IMPORT.finditer(modules[name]):
            unknown = {word.strip() for word in found[1].split(",")} - exported[found[2]]
            if unknown:
                raise CannotJoin(f"{name}: {found[2]} does not export {', '.join(sorted(unknown))}")
        for found in _DECLARED.finditer(modules[name]):
            home = homes.setdefault(found[2], name)
            if home != name:
                raise CannotJoin(f"{name}: the name {found[2]} is used in {home} as well")
        text = _EXPORT.sub("", _IMPORT.sub("", modules[name]))
        other = _OTHER.search(text)
        if other:
            raise CannotJoin(f"{name}: not an import or export that can be joined: {other[0]}")
        texts.append(f"// {name}\n{lean_script(text).strip()}\n")
    return "\n".join(texts)


def _in_order(modules: Mapping[str, str], entry: str) -> list[str]:
    """The file names of `entry` and of what it needs, each behind those that it imports."""
    done: dict[str, None] = {}
    path: list[str] = []

    def visit(name: str, importer: str) -> None:
        if name in done:
            return
        if name not in modules:
            raise CannotJoin(f"{importer}: there is no module {name}")
        if name in path:
            raise CannotJoin(f"modules import each other: {', '.join([*path[path.index(name) :], name])}")
        path.append(name)
        for found in _IMPORT.finditer(modules[name]):
            visit(found[2], name)
        done[path.pop()] = None

    visit(entry, entry)
    return list(done)
