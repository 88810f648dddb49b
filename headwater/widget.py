"""The page's graph in a notebook, through anywidget: the same element, with the kernel behind it instead of a server.

Needs the extra `notebook`; without it, and in saved notebooks, the SVG is shown. The other side is
web/static/js/notebook.js. Not here: how an answer is computed, what is drawn.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from headwater.errors import HeadwaterError

if TYPE_CHECKING:
    from headwater.queries.answers.answer import Answer

HEIGHT = 480  #: pixels: most of a laptop's screen, and less than all of it


class AskAgain(Protocol):
    """The question of an answer, with some of its parameters changed."""

    def __call__(self, **changed: object) -> Answer:
        """The other answer. HeadwaterError."""


def can_show() -> bool:
    """Whether a kernel runs this, and anywidget is installed: a widget in a plain Python would be seen by nobody."""
    return "ipykernel" in sys.modules and find_spec("anywidget") is not None


def lineage_widget(answer: Mapping[str, Any], again: AskAgain | None) -> Any:
    """An anywidget of an answer (as JSON). `again` brings what a click on a chevron asks for."""
    widget = _widget_class()(answer=dict(answer), height=HEIGHT)
    if again is not None:
        widget.on_msg(lambda _widget, message, _buffers: widget.send(reply(answer, message, again)))
    return widget


def reply(answer: Mapping[str, Any], message: Mapping[str, Any], again: AskAgain) -> dict[str, Any]:
    """What the kernel says to a click on a chevron: {answer, node}, or {error} in words."""
    wanted = message["expand"]
    has_columns = any(node["label"] == "column" for node in answer["nodes"])
    try:
        further = again(
            node=wanted["node"],
            direction=wanted["direction"],
            depth=None if wanted["all"] else 1,
            level="column" if has_columns else "dataset",
            counts=True,
        )
    except HeadwaterError as error:
        return {"error": error.message}
    return {"answer": further.to_dict(), "node": wanted["node"]}


@functools.cache
def _widget_class() -> Any:
    import anywidget
    import traitlets

    from headwater.web import script

    class LineageWidget(anywidget.AnyWidget):
        """`answer` is drawn once; `selection` follows what is clicked."""

        _esm = f"{script('notebook.js')}\nexport default {{ render: renderInNotebook }};\n"
        answer = traitlets.Dict().tag(sync=True)
        height = traitlets.Int(HEIGHT).tag(sync=True)
        selection = traitlets.Unicode("").tag(sync=True)

    return LineageWidget
