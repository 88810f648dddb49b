"""README as a newcomer has it: its commands work one after the other, its links lead somewhere, its lines are short."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

from headwater import cli
from tests.acceptance.door import PATIENCE, ROOT, environment, headwater

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST = README.partition("## Install")[0]
(SECTION,) = re.findall(r"^## Ask the demo's jobs$(.*?)^## ", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def example() -> Iterator[str]:
    """The URL of `headwater serve --example`, on a free port."""
    command = [sys.executable, "-u", "-m", "headwater", "serve", "--example", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    assert process.stdout is not None
    try:
        first = process.stdout.readline()
        found = re.match(r"Headwater at (http://\S+)", first)
        assert found, first
        yield found[1]
    finally:
        process.terminate()
        process.stdout.close()
        process.wait(PATIENCE)


def commands(text: str) -> list[list[str]]:
    """The commands of `headwater` in indented blocks, without those that serve."""
    lines = re.findall(r"^    headwater (.*?)(?:  +# .*)?$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines if not line.startswith("serve")]


def test_its_commands_work_against_the_server_that_it_starts(example: str) -> None:
    asked = [command for command in commands(FIRST + SECTION) if command[0] != "verify"]
    assert len(asked) == 7
    for command in asked:
        done = headwater(*command, HEADWATER_SERVER=example)
        assert (done.returncode, done.stderr) == (int(command[0] == "impact"), ""), command
        assert done.stdout


def examples() -> dict[str, list[str]]:
    """The examples in the help of the commands that ask, but for those that need a file."""
    texts = [re.sub(r"\\\n *", "", one.epilog or "") for one in cli.command.commands.values()]
    lines = [line for text in texts for line in re.findall(r"headwater ((?:[^\n>])*)", text)]
    asking = ("upstream", "downstream", "impact", "paths", "inputs", "diff", "changes", "explain", "estate", "query")
    found = {line.strip(): shlex.split(line) for line in lines}
    files = {"--plan", "--schema", "--new-schema", "--sql"}
    return {line: words for line, words in found.items() if words[0] in asking and not files & set(words)}


def test_the_examples_in_the_help_can_be_typed_as_they_are(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", example)
    assert len(examples()) > 10
    for line, words in examples().items():
        try:
            code: object = cli.run(words)
        except SystemExit as ended:  # a question with an exit code of its own
            code = ended.code
        shown = capsys.readouterr()
        assert code in (0, 1), (line, shown.err)
        assert shown.err == "", line
        assert len(shown.out) > 10, line


def test_the_example_has_a_folder_of_its_own() -> None:
    refused = headwater("serve", "--example", "--data", "/nowhere")
    assert (refused.returncode, "leave out --data" in refused.stderr) == (2, True)


def test_its_links_lead_somewhere_and_its_lines_are_short() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert {"docs/naming.md", "docs/watches.md", "notebooks"} <= set(links)
    assert [line for line in README.splitlines() if len(line) > 100 and not line.startswith("|")] == []
    assert "git clone" in "\n".join(README.splitlines()[:12])
    assert [command[0] for command in commands(FIRST)] == ["upstream", "impact"]
    assert FIRST.index("![") < FIRST.index("git clone")
