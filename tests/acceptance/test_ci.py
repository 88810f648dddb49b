"""The ready jobs for GitHub and GitLab: their YAML, and their scripts, run by bash against a real server.

`pip` is left out: the command is that of this checkout. What only the two services can do (comments) is not run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from headwater.settings import SERVER, TOKEN
from tests.acceptance.door import PATIENCE, PIPELINE, ROOT, Server, environment, headwater, serving

CI = ROOT / "infra" / "ci"
ORDERS = "/data/lake/pipe/staging/orders"
BREAKS = f"alter table delta.`{ORDERS}` drop column channel"
UNREAD = f"alter table delta.`{ORDERS}` set location 's3://lake/other'"
QUIET = f"alter table delta.`{ORDERS}` add column note string"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("ci") / "data") as running:
        assert headwater("load", "--server", running.url, *PIPELINE).returncode == 0
        assert running.get("/api/v1/stats?after=18")[0] == 200
        yield running


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """A folder for PATH: the command of this checkout, and a pip that installs nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, line in (("headwater", f'exec {sys.executable} -m headwater "$@"'), ("pip", "exit 0")):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return folder


def run(script: str, folder: Path, commands: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    known = environment(PATH=path, **variables)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]  # as GitHub runs it
    return subprocess.run(command, cwd=folder, env=known, capture_output=True, text=True, check=False, timeout=PATIENCE)


def loaded(name: str) -> Any:
    return yaml.safe_load((CI / name).read_text(encoding="utf-8"))


def step(name: str) -> dict[str, Any]:
    steps: list[dict[str, Any]] = loaded("github-action.yml")["runs"]["steps"]
    return next(one for one in steps if one.get("name") == name)


def test_the_action_says_which_input_is_what() -> None:
    action = loaded("github-action.yml")
    assert all(one["description"] for one in action["inputs"].values())
    text = (CI / "github-action.yml").read_text(encoding="utf-8")
    for name in action["inputs"]:
        assert f"inputs.{name} }}}}" in text, f"the input {name} is not used"
    check = step("Check")
    assert {SERVER.variable, TOKEN.variable} <= check["env"].keys()
    for one in action["runs"]["steps"]:
        assert "${{" not in one.get("run", ""), "what comes from a pull request must not become part of a script"


def test_the_workflow_gives_the_action_inputs_that_it_has() -> None:
    (job,) = loaded("github-workflow.yml")["jobs"].values()
    *_, last = job["steps"]
    inputs = loaded("github-action.yml")["inputs"]
    assert last["with"].keys() <= inputs.keys()
    assert {name for name, one in inputs.items() if one.get("required")} <= last["with"].keys()


@pytest.mark.parametrize(
    ("sql", "schemas", "expected", "shown"),
    [
        ([QUIET], "", 0, "breaks nothing that is known"),
        ([QUIET, BREAKS], "", 1, "breaks 1 column, 1 dataset, 1 job"),
        ([UNREAD, BREAKS, UNREAD], "", 1, "breaks 1 column, 1 dataset, 1 job"),
        ([UNREAD, QUIET], "", 5, ":warning: Lineage check"),
        (
            ["no SQL at all (", BREAKS, UNREAD],
            "",
            2,
            ":x: Lineage check: it could not be run\n\n    0 it.sql\n    headwater: ",
        ),
        ([], f"{ORDERS} schema.json", 1, "Lineage check"),
        (["no SQL at all ("], "", 2, "    headwater: 0 it.sql cannot be read as SQL of spark"),
        ([], "", 0, "Lineage check: no changed SQL, plan or schema."),
    ],
)
def test_the_action(
    server: Server, tmp_path: Path, commands: Path, sql: list[str], schemas: str, expected: int, shown: str
) -> None:
    for number, text in enumerate(sql):
        (tmp_path / f"{number} it.sql").write_text(text)
    (tmp_path / "schema.json").write_text('{"order_id": "bigint"}')
    listed = "\n".join(f"{number} it.sql" for number in range(len(sql)))
    output, summary = tmp_path / "output", tmp_path / "summary"
    given = {"SQL": listed, "PLANS": "", "SCHEMAS": schemas, "DIALECT": "spark", "OPTIONS": "--default-schema public"}
    ran = run(
        step("Check")["run"],
        tmp_path,
        commands,
        **given,
        RUNNER_TEMP=str(tmp_path),
        GITHUB_OUTPUT=str(output),
        GITHUB_STEP_SUMMARY=str(summary),
        HEADWATER_SERVER=server.url,
    )
    assert ran.returncode == 0, ran.stderr
    told = dict(line.split("=", 1) for line in output.read_text().splitlines())
    assert told["code"] == str(expected)
    comment = Path(told["comment"]).read_text()
    assert comment.startswith("<!-- headwater -->")
    assert comment == summary.read_text()
    assert shown in comment
    failing = {"true": expected, "false": 0 if expected in {1, 5} else expected}
    for fail, code in failing.items():
        assert run(step("Result")["run"], tmp_path, commands, CODE=told["code"], FAIL=fail).returncode == code


@pytest.mark.parametrize(("sql", "expected"), [(QUIET, 0), (BREAKS, 1), (UNREAD, 5), ("no SQL at all (", 2)])
def test_the_gitlab_job(server: Server, tmp_path: Path, commands: Path, sql: str, expected: int) -> None:
    job = loaded("gitlab-ci.yml")["lineage"]
    folder = tmp_path / "repository"
    folder.mkdir()
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run([*git, "init", "-q"], cwd=folder, check=True)
    (folder / "other.sql").write_text("drop table x")
    subprocess.run([*git, "add", "."], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "before"], cwd=folder, check=True)
    base = subprocess.run([*git, "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True)
    (folder / "changed it für uns.sql").write_text(sql)
    subprocess.run([*git, "add", "."], cwd=folder, check=True)
    subprocess.run([*git, "commit", "-qm", "after"], cwd=folder, check=True)
    ran = run(
        "\n".join(job["script"]),
        folder,
        commands,
        CI_MERGE_REQUEST_DIFF_BASE_SHA=base.stdout.strip(),
        HEADWATER_SERVER=server.url,
        **{
            **{key: str(value) for key, value in job["variables"].items()},
            "LINEAGE_DIALECT": "spark",
            "LINEAGE_OPTIONS": "",
            "LINEAGE_INSTALL": ".",
        },
    )
    assert ran.returncode == expected, ran.stderr
    assert "Lineage check" in ran.stdout
    assert (folder / "lineage.md").read_text() in ran.stdout


def test_nothing_is_installed_by_a_name_that_anybody_may_have_taken(tmp_path: Path, commands: Path) -> None:
    assert loaded("github-action.yml")["inputs"]["install"]["required"]
    job = loaded("gitlab-ci.yml")["lineage"]
    assert "LINEAGE_INSTALL" not in job["variables"]
    ran = run(job["script"][0], tmp_path, commands)
    assert ran.returncode != 0
    assert "set it to what pip installs" in ran.stderr
