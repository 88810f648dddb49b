"""Samples of the pages that no other test runs: programs in Python, HTTP, commands about tokens and backups."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import headwater as hw
from headwater.cli import run
from tests.acceptance.documented import commands, programs
from tests.acceptance.door import PIPELINE, ROOT, Server, environment, headwater, serving

PAGES = sorted(str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md"))
PROGRAMS = {f"{page} {number}": text for page in PAGES for number, text in enumerate(programs(page), 1)}
README = programs("../README.md")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("samples") / "data"
    assert headwater("load", "--data", folder, *PIPELINE).returncode == 0
    with serving(folder) as running:
        yield running


def called(text: str) -> Iterator[tuple[Any, ast.Call]]:
    """The functions of headwater that a program calls by their whole names, and methods of `graph`; with each call."""
    tree = ast.parse(text)
    for one in ast.walk(tree):
        path = ast.unparse(one.func).split(".") if isinstance(one, ast.Call) else []
        if len(path) < 2 or not isinstance(one, ast.Call):
            continue
        if path[0] == "graph" and len(path) == 2:
            yield getattr(hw.Graph, path[1]), one
        elif path[0] in ("hw", "headwater"):
            module = importlib.import_module(".".join(["headwater", *path[1:-1]]))
            yield getattr(module, path[-1]), one


@pytest.mark.parametrize("name", [*PROGRAMS, "README 1", "README 2"])
def test_a_program_calls_functions_that_exist_with_arguments_that_they_take(name: str) -> None:
    text = README[int(name[-1]) - 1] if name.startswith("README") else PROGRAMS[name]
    for function, call in called(text):
        method = ["self"] if "." in function.__qualname__ and not inspect.ismethod(function) else []
        named = {word.arg: None for word in call.keywords if word.arg}
        inspect.signature(function).bind(*method, *call.args, **named)


def test_most_programs_call_something() -> None:
    assert len(PROGRAMS) > 12
    assert len([name for name, text in PROGRAMS.items() if list(called(text))]) > 6


@pytest.mark.parametrize("text", [README[0], programs("python.md")[0]], ids=["README", "python.md"])
def test_the_first_lines_of_python_print_the_lineage(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    known: dict[str, Any] = {}
    exec(compile(text, "sample", "exec"), known)
    known["graph"].close()
    shown = capsys.readouterr().out
    assert shown.startswith("file:///data/lake/pipe/out/churn_by_country#avg_score\n")
    assert shown.endswith("20 columns, 8 datasets, 6 jobs; complete\n")


def curl(page: str, url: str) -> str:
    """What the first command of curl on a page prints, asked of this server."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (line, *_) = re.findall(r"^(curl .*?)\n(?:```|headwater )", text, re.MULTILINE | re.DOTALL)
    script = re.sub(r"http://(?:localhost|127\.0\.0\.1):9090", url, line)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, env=environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")


@needs_curl
def test_a_snapshot_is_kept_and_its_names_are_found(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = curl("snapshots.md", server.url)
    entry = re.fullmatch(r'\{"entry": ?(\d+)\}\s*', answer)
    assert entry, answer
    assert server.get(f"/api/v1/stats?after={entry[1]}")[0] == 200
    monkeypatch.setenv("HEADWATER_SERVER", server.url)
    assert run(["columns", "sales.orders", "--csv"]) == 0
    shown = capsys.readouterr().out
    assert "s3://lake/mart/orders#day," in shown
    assert "the number of the order" in shown
    assert run(["query", "facts", "node=sales.orders"]) == 0
    assert "120000" in capsys.readouterr().out


@needs_curl
def test_spline_s_consumer_api_is_asked_as_the_page_does(server: Server) -> None:
    answer = curl("consumer.md", server.url)
    assert answer.count('"executionEventId"') == 3, answer


def test_tokens_and_backups_as_the_pages_have_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands of Running Headwater and Several accounts that need no second machine and no root."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path / "data"))
    (tmp_path / "elsewhere").mkdir()
    assert run(["load", *PIPELINE]) == 0
    typed = [words for page in ("operating.md", "accounts.md") for words in commands(page)]
    alone = [words for words in typed if words[0] in ("token", "backup", "verify") and "ops" not in words]
    assert [words[0] for words in alone] == [*["token"] * 4, "backup", "verify", *["token"] * 3]
    (tmp_path / "backups").mkdir()
    for words in alone:
        here = [re.sub("^/(?=backups|elsewhere)", "", word) for word in words]
        assert run(here) == 0, (words, capsys.readouterr().err)
    listed = capsys.readouterr().out
    assert "checkout" in listed
    assert "18 entries" in listed
    assert (tmp_path / "elsewhere" / "anchor.json").is_file()
