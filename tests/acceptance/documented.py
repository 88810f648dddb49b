"""What a page of docs/ tells its readers to type: commands of `headwater` and programs in Python, in order."""

from __future__ import annotations

import re
import shlex

from tests.acceptance.door import ROOT


def commands(page: str) -> list[list[str]]:
    """The commands in the blocks of the shell, and on indented lines: their words, without the name `headwater`."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    found = re.findall(r"^ *```sh\n(.*?)^ *```|^    (headwater [^\n]*)$", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(block or line for block, line in found).replace("\\\n", " ").splitlines()
    words = [shlex.split(re.sub(r"(^|\s)#.*", "", line)) for line in lines]
    return [rest for first, *rest in filter(None, words) if first == "headwater"]


def programs(page: str) -> list[str]:
    """The programs in Python."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
