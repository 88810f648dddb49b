"""README as a newcomer has it: its commands work one after the other, its links lead somewhere, its lines are short."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater import cli
from headwater.spline_bridge.glue.attach import parameters
from tests.acceptance.door import PATIENCE, ROOT, ended, environment, headwater, headwater_in

README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST = README.partition("## Install")[0]
(SECTION,) = re.findall(r"^## Ask the demo's jobs$(.*?)^## ", README, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def example() -> Iterator[str]:
    """The URL of `headwater serve --example`, on a free port."""
    command = [sys.executable, "-u", "-m", "headwater", "serve", "--example", "--port", "0"]
    with ended(
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment())
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        found = re.match(r"Headwater at (http://\S+)", first)
        assert found, first
        yield found[1]
        process.terminate()
        process.wait(PATIENCE)


def commands(text: str) -> list[list[str]]:
    """The commands of `headwater` in indented blocks, without those that serve."""
    lines = re.findall(r"^    headwater (.*?)(?:  +# .*)?$", text, re.MULTILINE)
    return [shlex.split(line) for line in lines if not line.startswith("serve")]


def typed(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    """The exit code of a command that runs in this process, and what it printed."""
    try:
        code: object = cli.run(words)
    except SystemExit as ended:  # a question with an exit code of its own
        code = ended.code
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def test_its_commands_work_against_the_server_that_it_starts(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", example)
    monkeypatch.chdir(tmp_path)
    asked = commands(FIRST + SECTION)
    assert len(asked) == 12
    for command in asked:
        code, shown, said = typed(command, capsys)
        assert code == int(command[0] == "impact"), (command, said)
        assert (command[0] == "evidence") == bool(said), command  # what to tell the receiver
        assert shown


@pytest.mark.skipif(shutil.which("unzip") is None, reason="needs unzip, as README's line does")
def test_a_proof_is_checked_by_who_has_nothing_of_headwater(example: str, tmp_path: Path) -> None:
    (made,) = (command for command in commands(SECTION) if command[0] == "evidence")
    assert headwater_in(tmp_path, *made, HEADWATER_SERVER=example).returncode == 0
    for line in re.findall(r"^    ((?:unzip|python3) .*?)(?:  +# .*)?$", SECTION, re.MULTILINE):
        bare = {"PATH": os.environ["PATH"]}
        checked = subprocess.run(line, shell=True, capture_output=True, text=True, check=False, cwd=tmp_path, env=bare)
        assert checked.returncode == 0, (line, checked.stderr)
    assert checked.stdout.endswith("all holds\n")


def test_a_bad_column_leads_to_its_owner_and_to_what_has_to_run_again_in_two_commands(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", example)
    named, *asked = (command for command in commands(SECTION) if command[0] in ("own", "why", "consumers"))
    typed(named, capsys)
    owner, again = (typed(command, capsys)[1] for command in asked)
    assert re.search(r"^owner .*\n +detail: .*team-crm", owner, re.MULTILINE), owner
    assert re.findall(r"^(\d)  +spark/pipeline\.(\w+)", again, re.MULTILINE) == [
        ("1", "features"),
        ("2", "training_set"),
        ("3", "train_and_score"),
        ("4", "score_report"),
    ]


def examples() -> dict[str, list[str]]:
    """The examples in the help of the commands that ask, but for those that need a file."""
    texts = [re.sub(r"\\\n *", "", one.epilog or "") for one in cli.command.commands.values()]
    lines = [line for text in texts for line in re.findall(r"headwater ((?:[^\n>])*)", text)]
    asking = {"upstream", "downstream", "impact", "paths", "inputs", "diff", "changes", "explain", "estate", "query"}
    asking |= {"search", "datasets", "columns", "jobs", "runs", "why", "consumers"}
    found = {line.strip(): shlex.split(line) for line in lines}
    files = {"--plan", "--schema", "--new-schema", "--sql"}
    return {line: words for line, words in found.items() if words[0] in asking and not files & set(words)}


def test_the_examples_in_the_help_can_be_typed_as_they_are(
    example: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HEADWATER_SERVER", example)
    assert len(examples()) > 10
    for line, words in examples().items():
        code, shown, said = typed(words, capsys)
        assert code in (0, 1), (line, said)
        assert said == "", line
        assert len(shown) > 10, line


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


def test_the_job_parameters_to_be_written_by_hand_are_those_that_attach_sets() -> None:
    for name, value in parameters("5.0", "http://HOST:9090", "s3://BUCKET/jars"):
        assert f"| `{value}` |" in README, name
