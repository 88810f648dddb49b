"""The graph in a notebook: what the kernel sends is drawn, and what is clicked there is asked of the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import headwater
from headwater.widget import lineage_widget, reply
from tests.browser import graphs
from tests.browser.answers import LAKE, ORDERS
from tests.browser.chromium import Files

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

#: The part of anywidget's model that a widget may use: https://anywidget.dev/en/afm/
_RENDER = """async (answer) => {
  const { default: widget } = await import("/widget.js");
  const values = { answer, height: 600, selection: "" };
  const heard = [];
  window.sent = [];
  window.values = values;
  window.kernelSays = (message) => heard.forEach((listener) => listener(message));
  const model = {
    get: (name) => values[name],
    set: (name, value) => { values[name] = value; },
    save_changes: () => {},
    on: (name, listener) => name === "msg:custom" && heard.push(listener),
    off: (name, listener) => heard.splice(heard.indexOf(listener), 1),
    send: (message) => window.sent.push(message),
  };
  window.heard = heard;
  window.takeAway = await widget.render({ model, el: document.querySelector("main") });
  window.graph = document.querySelector("hw-graph");
}"""


def test_a_chevron_asks_the_kernel_and_its_answer_moves_nothing(page: Page, files: Files) -> None:
    pytest.importorskip("anywidget")
    with headwater.example() as graph:
        found: Any = graph.query("both", node=ORDERS, type="all", level="column", depth=1)
        widget = found.to_widget()
        files.put("/widget.js", "text/javascript", widget._esm)
        graphs.opened(page, files)
        page.evaluate(_RENDER, widget.answer)
        before = graphs.places(page)
        assert len(before) == 4
        graphs.card(page, f"{LAKE}ml/features.parquet").locator(".more.down").click()
        [message] = page.evaluate("window.sent")
        answered = reply(widget.answer, message, found._again)
        page.evaluate("(message) => window.kernelSays(message)", answered)
        after = graphs.places(page)
        assert f"{LAKE}ml/training_set.parquet" in after
        assert {name: after[name] for name in before} == before
        graphs.row(page, f"{ORDERS}#amount_eur").click()
        assert page.evaluate("window.values.selection") == f"{ORDERS}#amount_eur"
        missing = {"expand": {"node": "s3://nowhere", "direction": "upstream", "all": False}}
        page.evaluate("(message) => window.kernelSays(message)", reply(widget.answer, missing, found._again))
        assert page.get_by_text("s3://nowhere").count() == 1
        page.evaluate("window.takeAway()")
        assert page.evaluate("window.heard.length") == 0, "a cell that is run again would be heard twice"


def test_without_a_kernel_the_picture_is_shown() -> None:
    with headwater.example() as graph:
        found: Any = graph.upstream(f"{ORDERS}#amount_eur")
        assert found._repr_mimebundle_() == {} or "text/html" in found._repr_mimebundle_()
        assert "<svg" in found._repr_html_()
        assert lineage_widget(found.to_dict(), None).answer["root"] == f"{ORDERS}#amount_eur"
