"""`headwater glue` as a person types it, against an account on loopback that speaks Glue's own protocol."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from headwater.cli import run
from tests.acceptance.documented import commands
from tests.acceptance.door import PATIENCE, ROOT, environment, headwater
from tests.acceptance.fake_aws import FakeAws, running

CHANGED = datetime(2026, 3, 1, 12, 0, tzinfo=timezone.utc)
JOB: dict[str, Any] = {
    "Name": "nightly",
    "Description": "keeps this",
    "Role": "arn:aws:iam::123456789012:role/glue",
    "CreatedOn": CHANGED,
    "LastModifiedOn": CHANGED,
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://code/nightly.py", "PythonVersion": "3"},
    "DefaultArguments": {
        "--TempDir": "s3://tmp/",
        "--conf": "spark.sql.queryExecutionListeners=com.example.Mine --conf spark.my.password=geheim",
    },
    "NonOverridableArguments": {"--stage": "prod"},
    "Connections": {"Connections": ["vpc"]},
    "MaxRetries": 1,
    "AllocatedCapacity": 10,
    "Timeout": 60,
    "MaxCapacity": 10.0,
    "WorkerType": "G.1X",
    "NumberOfWorkers": 10,
    "GlueVersion": "5.0",
    "ExecutionClass": "STANDARD",
    "SourceControlDetails": {"Provider": "GITHUB", "Repository": "r", "AuthToken": "***"},
}
SHELL = {**JOB, "Name": "shell", "Command": {"Name": "pythonshell", "ScriptLocation": "s3://code/x.py"}}
CONNECTION = {"Name": "vpc", "ConnectionType": "NETWORK", "PhysicalConnectionRequirements": {"SubnetId": "subnet-1"}}
ATTACH = ("attach", "nightly", "--url", "http://10.0.0.5:9090", "--jars", "s3://b/jars")


@pytest.fixture
def aws() -> Iterator[FakeAws]:
    jobs = {"nightly": copy.deepcopy(JOB), "shell": copy.deepcopy(SHELL)}
    with running(FakeAws(jobs, connections={"vpc": CONNECTION})) as found:
        yield found


def test_the_commands_of_the_page(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADWATER_DATA", str(tmp_path / "data"))
    for name, value in aws.environment().items():
        monkeypatch.setenv(name, value)
    typed = commands("glue.md")
    assert {tuple(words[:2]) for words in typed} == {
        *((command, action) for command, action in [("glue", "attach"), ("glue", "detach"), ("glue", "status")]),
        ("glue", "doctor"),
        ("token", "add"),
        ("spark-bundle", "headwater-spark.zip"),
    }
    for words in typed:
        given, _, target = (list(part) for part in split_at(words, ">"))
        asks = given[1] in ("attach", "detach")
        try:
            code: object = run([*given, *(["--yes"] if asks else [])])
        except SystemExit as ended:  # a finding
            code = ended.code
        shown = capsys.readouterr()
        assert code == int(given[1] == "doctor"), (words, shown.err)
        for file in target:
            Path(file).write_text(shown.out)


def split_at(words: list[str], mark: str) -> tuple[list[str], list[str], list[str]]:
    """The words before the mark, the mark, and those behind it."""
    place = words.index(mark) if mark in words else len(words)
    return words[:place], words[place : place + 1], words[place + 1 :]


def glue(aws: FakeAws, *arguments: object) -> tuple[int, str, str]:
    done = headwater("glue", *arguments, **aws.environment())
    return done.returncode, done.stdout, done.stderr


def test_without_a_terminal_and_without_yes_nothing_is_changed(aws: FakeAws) -> None:
    code, shown, said = glue(aws, *ATTACH)
    assert (code, aws.updates) == (1, [])
    assert "nothing was changed; --yes applies it" in said
    assert (
        "+ --extra-jars  s3://b/jars/spark-3.5-spline-agent-bundle_2.12-2.2.0.jar,s3://b/jars/snakeyaml-1.33.jar"
        in shown
    )


def test_attaching_keeps_the_rest_of_the_job_and_detaching_gives_it_back(aws: FakeAws, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hw_t0ken\n")
    code, shown, said = glue(aws, *ATTACH, "--token-file", token, "--yes")
    assert (code, said) == (0, "")
    assert "hw_t0ken" not in shown
    assert "geheim" not in shown
    (update,) = aws.updates
    dropped = {"Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "MaxCapacity"}
    changed = {"DefaultArguments", "SourceControlDetails"}
    assert {key: update[key] for key in update.keys() - changed} == {
        key: JOB[key] for key in JOB.keys() - dropped - changed
    }
    assert update["SourceControlDetails"] == {"Provider": "GITHUB", "Repository": "r"}
    conf = update["DefaultArguments"]["--conf"]
    assert conf.startswith(
        "spark.sql.queryExecutionListeners=com.example.Mine,"
        "za.co.absa.spline.harvester.listener.SplineQueryExecutionListener --conf spark.my.password=geheim --conf "
    )
    assert " --conf spark.spline.lineageDispatcher.http.header.X-API-Key=hw_t0ken" in conf
    again = glue(aws, *ATTACH, "--token-file", token, "--yes", "--json")
    assert (json.loads(again[1])["changes"], len(aws.updates)) == ([], 1)
    code, shown, _ = glue(aws, "detach", "nightly", "--yes")
    assert (code, aws.jobs["nightly"]["DefaultArguments"]) == (0, JOB["DefaultArguments"])
    assert "hw_t0ken" not in shown


def test_the_agent_in_python_is_a_bundle_a_url_and_a_token(aws: FakeAws, tmp_path: Path) -> None:
    bundle, token = "s3://b/headwater-spark.zip", tmp_path / "token"
    token.write_text("hw_t0ken\n")
    given = ("--url", "http://10.0.0.5:9090", "--bundle", bundle, "--token-file", token, "--yes")
    code, shown, _ = glue(aws, "attach", "nightly", "--agent", "python", *given)
    assert code == 0
    assert "hw_t0ken" not in shown
    assert "    headwater.spark.capture(spark)\n" in shown
    arguments = aws.jobs["nightly"]["DefaultArguments"]
    assert arguments["--extra-py-files"] == bundle
    settings = " --conf spark.headwater.url=http://10.0.0.5:9090 --conf spark.headwater.token=hw_t0ken --conf "
    assert settings in arguments["--conf"]


def test_status_lists_jobs(aws: FakeAws) -> None:
    glue(aws, *ATTACH, "--yes")
    code, shown, _ = glue(aws, "status", "--json")
    assert code == 0
    assert [(job["name"], job["agent"]) for job in json.loads(shown)["jobs"]] == [
        ("nightly", "jar"),
        ("shell", "no agent"),
    ]
    assert glue(aws, "status", "nightly")[1] == "jar       nightly  http://10.0.0.5:9090/producer\n"
    assert glue(aws, "status", "nightly", "--csv")[1] == "agent,job,detail\njar,nightly,http://10.0.0.5:9090/producer\n"


def test_the_doctor_names_each_reason_with_its_fix(aws: FakeAws) -> None:
    glue(aws, *ATTACH, "--yes")
    run = {"Id": "jr_1", "StartedOn": datetime(2026, 2, 1, tzinfo=timezone.utc), "Arguments": {"--conf": "spark.a=b"}}
    aws.runs.append(run)
    aws.scripts["/code/nightly.py"] = "glueContext.write_dynamic_frame.from_options(frame)"
    code, shown, said = glue(aws, "doctor", "nightly", "--json")
    assert (code, said) == (1, "")
    found = json.loads(shown)["findings"]
    assert [finding["name"] for finding in found] == ["conf-overwritten", "no-route", "dynamic-frames", "no-run"]
    assert all(finding["fix"] for finding in found)


def test_a_healthy_job_has_no_finding(aws: FakeAws) -> None:
    del aws.jobs["nightly"]["Connections"]
    glue(aws, "attach", "nightly", "--url", "https://lineage.example.com", "--jars", "s3://b/jars", "--yes")
    aws.runs.append({"Id": "jr_1", "StartedOn": datetime(2026, 3, 2, tzinfo=timezone.utc)})
    assert glue(aws, "doctor", "nightly") == (0, "nightly: nothing speaks against its lineage\n", "")


#: arguments -> what the one sentence says
MISTAKES = {
    "no such job": (("detach", "nightl"), "there is no Glue job nightl"),
    "not Spark": (("attach", "shell", *ATTACH[2:]), "Command.Name is pythonshell"),
    "jars that are not there": ((*ATTACH[:4], "--jars", "s3://b/missing"), "is not there: upload it first"),
    "the job's own machine": (("attach", "nightly", "--url", "http://localhost:9090"), "is the job's own machine"),
    "this machine, in short": (
        ("attach", "nightly", "--url", "http://127.1:9090", *ATTACH[4:]),
        "the job's own machine",
    ),
    "every address": (("attach", "nightly", "--url", "http://0.0.0.0:9090", *ATTACH[4:]), "the job's own machine"),
    "a host file's name": (
        ("attach", "nightly", "--url", "http://localhost.:90", *ATTACH[4:]),
        "the job's own machine",
    ),
    "jars elsewhere": ((*ATTACH[:4], "--jars", "/tmp/jars"), "--jars s3://BUCKET/PREFIX is needed"),
    "no zip": ((*ATTACH[:4], "--agent", "python", "--bundle", "s3://b/agent"), "--bundle names no .zip file"),
    "no jars": (ATTACH[:4], "--jars s3://BUCKET/PREFIX is needed"),
    "no URL": (("attach", "nightly", "--url", "x", *ATTACH[4:]), "--url is no URL"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_get_one_sentence(arguments: tuple[str, ...], sentence: str, aws: FakeAws) -> None:
    code, shown, said = glue(aws, *arguments)
    assert (code, shown, said.count("\n")) == (2, "", 1)
    assert sentence in said


def test_a_mistake_is_told_before_the_account_is_asked() -> None:
    for arguments in ((*ATTACH[:4], "--jars", "jars"), ("attach", "nightly", "--url", "x", *ATTACH[4:])):
        done = headwater("glue", *arguments, AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null")
        assert (done.returncode, done.stderr.count("\n"), "AWS" in done.stderr) == (2, 1, False)


def test_aws_that_does_not_answer_is_exit_code_3(aws: FakeAws) -> None:
    code, shown, said = glue(aws, "status", "nightly", "--endpoint-url", "http://127.0.0.1:9")
    assert (code, shown) == (3, "")
    assert "AWS cannot be reached" in said


def test_without_boto3_there_is_one_sentence(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError\n")
    done = headwater("glue", "status", **{**aws.environment(), "PYTHONPATH": f"{tmp_path}:{ROOT}"})
    how = "pip install 'headwater[aws]', or in a clone pip install '.[aws]'"
    assert (done.returncode, done.stderr) == (2, f"headwater: boto3 is not installed: {how}\n")


#: what is typed at the question -> exit code, updates
ANSWERS = {"yes": (b"y\n", 0, 1), "no": (b"n\n", 1, 0)}


@pytest.mark.parametrize(("typed", "code", "updates"), ANSWERS.values(), ids=ANSWERS)
def test_on_a_terminal_it_asks(typed: bytes, code: int, updates: int, aws: FakeAws) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours, "wb", buffering=0) as terminal, os.fdopen(theirs, "rb") as keyboard:
        terminal.write(typed)
        command = [sys.executable, "-m", "headwater", "glue", *ATTACH]
        variables = environment(**aws.environment())
        done = subprocess.run(
            command, stdin=keyboard, capture_output=True, check=False, timeout=PATIENCE, env=variables, cwd="/"
        )
    assert (done.returncode, len(aws.updates)) == (code, updates)
    assert b"apply? [y/N]" in done.stdout


def test_a_job_that_was_changed_meanwhile_is_left_alone(aws: FakeAws) -> None:
    aws.after_reading = lambda job: {**job, "Description": "changed by somebody else"}
    code, _, said = glue(aws, *ATTACH, "--yes")
    assert (code, aws.updates) == (2, [])
    assert "was changed by somebody else meanwhile" in said


def test_json_alone_changes_nothing_and_with_yes_it_applies(aws: FakeAws) -> None:
    code, shown, _ = glue(aws, *ATTACH, "--json")
    assert (code, json.loads(shown)["applied"], aws.updates) == (1, False, [])
    code, shown, _ = glue(aws, *ATTACH, "--json", "--yes")
    assert (code, json.loads(shown)["applied"], len(aws.updates)) == (0, True, 1)


def test_what_may_not_be_read_is_not_judged(aws: FakeAws) -> None:
    del aws.connections["vpc"]
    aws.jobs["nightly"]["Connections"] = {"Connections": ["gone"]}
    glue(aws, "attach", "nightly", "--url", "https://lineage.example.com", "--jars", "s3://b/jars", "--yes")
    aws.runs.append({"Id": "jr_1", "StartedOn": datetime(2026, 3, 2, tzinfo=timezone.utc)})
    assert glue(aws, "doctor", "nightly")[0] == 0
