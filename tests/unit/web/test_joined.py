"""The page's modules as one script: what is joined, and what is refused because a notebook could not load it."""

from __future__ import annotations

import re

import pytest

from headwater.web import STATIC, assets, assets_hash, html, script
from headwater.web.joined import CannotJoin, joined

MODULES = {
    "app.js": 'import { one, two } from "./low.js";\nimport { mid } from "./mid.js";\nexport let app = [one, two];\n',
    "mid.js": 'import { one } from "./low.js";\nexport function mid() {\n  return one;\n}\n',
    "low.js": "export const one = 1;\nexport let two = 2;\n",
    "other.js": "export class Other {}\n",
}


def test_a_module_stands_behind_those_that_it_needs_and_others_are_left_out() -> None:
    text = joined(MODULES, "app.js")
    assert re.findall(r"^// (\S+)$", text, re.MULTILINE) == ["low.js", "mid.js", "app.js"]
    assert ("import" in text, "export" in text, "Other" in text) == (False, False, False)
    assert "let app=[one,two];" in text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("low.js", "const app = 1;\nexport const one = 1, two = 2;\nexport let two = 2;\n", "the name app is used"),
        ("low.js", "export const one = 1;\n", "low.js does not export two"),
        ("low.js", "export default 1;\nexport const one = 1;\nexport const two = 2;\n", "export default 1;"),
        ("low.js", 'import "./other.js";\nexport const one = 1;\nexport const two = 2;\n', 'import "./other.js";'),
        (
            "low.js",
            'import { app } from "./app.js";\nexport const one = 1;\nexport const two = 2;\n',
            "import each other",
        ),
        ("mid.js", 'import { gone } from "./gone.js";\nexport const mid = 1;\n', "there is no module gone.js"),
    ],
)
def test_modules_that_break_a_rule_are_named(name: str, text: str, said: str) -> None:
    with pytest.raises(CannotJoin, match=re.escape(said)) as refused:
        joined({**MODULES, name: text}, "app.js")
    assert ".js" in str(refused.value)


def test_every_module_of_the_page_is_part_of_its_script() -> None:
    """And the notebook's, which the page does not need, of its own."""
    found = re.findall(r"^// (\S+\.js)$", script("app.js"), re.MULTILINE)
    found += re.findall(r"^// (notebook\.js)$", script("notebook.js"), re.MULTILINE)
    assert sorted(found) == sorted(file.name for file in (STATIC / "js").glob("*.js"))


def test_no_text_becomes_html_and_no_style_stands_in_markup() -> None:
    source = script("app.js") + html()
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        'style="',
        'onclick="',
        "http://",
    ):
        allowed = {"http://": ["http://www.w3.org/2000/svg"]}.get(word, [])
        rest = source
        for text in allowed:
            rest = rest.replace(text, "")
        assert word not in rest, word


def test_the_page_names_its_files_by_their_hash_and_is_small() -> None:
    assert set(re.findall(r'assets/[0-9a-f]{16}/([\w.]+)"', html())) == set(assets())
    assert f"assets/{assets_hash()}/page.js" in html()
    assert sum(len(asset.body) for asset in assets().values()) + len(html()) < 200_000
