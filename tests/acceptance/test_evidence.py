"""An answer, proven to somebody who has nothing but the file: the program inside it checks it."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from tests.acceptance.door import PIPELINE, headwater, serving

LAST = "file:///data/lake/pipe/out/churn_by_country#avg_score"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("evidence") / "data"
    assert headwater("load", *PIPELINE, "--data", data).returncode == 0
    return data


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "data"))


def check(file: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """As a third party: the program out of the file, without this project and without site packages."""
    program = file.with_name("check.py")
    with zipfile.ZipFile(file) as found:
        program.write_bytes(found.read("check.py"))
    command = [sys.executable, "-I", "-S", str(program), str(file), *more]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def evidence(data: Path, out: Path, node: str = LAST, *more: object) -> subprocess.CompletedProcess[str]:
    return headwater("evidence", node, "--data", data, "-o", out, *more)


def anchored(data: Path, tmp_path: Path) -> Path:
    anchor = tmp_path / "anchor.json"
    assert headwater("verify", "--data", data, "--anchor", anchor).returncode == 0
    return anchor


def contents(file: Path, name: str) -> list[dict[str, object]]:
    with zipfile.ZipFile(file) as found:
        return [json.loads(line) for line in found.read(name).splitlines()]


def test_the_lineage_of_a_column_is_proven_by_the_entries_of_its_plans_and_their_runs(
    data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "score.zip"
    made = evidence(data, out, LAST, "--anchor", anchored(data, tmp_path))
    assert made.returncode == 0, made.stderr
    checked = check(out)
    assert (checked.returncode, "all holds" in checked.stdout, "the anchor" in checked.stdout) == (0, True, True)
    entries = contents(out, "entries.ndjson")
    kinds = {str(entry["kind"]).rpartition(".")[2] for entry in entries}
    assert len(entries) >= 12  # six jobs lie upstream, each with a plan and an event
    assert len(kinds) == 2
    with zipfile.ZipFile(out) as found:
        answer = json.loads(found.read("answer.json"))
    assert answer["answer"]["root"] == LAST
    assert answer["head"]["sequence"] == 18


def test_what_a_run_read_is_proven_while_a_server_runs(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run.zip"
    with serving(data):
        made = evidence(data, out, "5ebf4321", "--depth", 2)
    assert made.returncode == 0, made.stderr
    assert "--anchor" in made.stderr
    head = re.findall(r"[0-9a-f]{64}", made.stdout)[0]
    assert check(out, "--head", head).returncode == 0
    other = check(out, "--head", "0" * 64)
    assert (other.returncode, "is not the hash" in other.stderr) == (1, True)
    bodies = "".join(str(entry.get("body")) for entry in contents(out, "entries.ndjson"))
    assert "training_set.parquet" in bodies


def rewritten(file: Path, change: Callable[[dict[str, bytes]], None], out: Path) -> Path:
    """The evidence with other contents, and a manifest that fits them."""
    with zipfile.ZipFile(file) as found:
        parts = {name: found.read(name) for name in found.namelist()}
    change(parts)
    manifest = json.loads(parts["manifest.json"])
    manifest["files"] = {name: sha256(parts[name]).hexdigest() for name in manifest["files"]}
    parts["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return out


def _body(parts: dict[str, bytes]) -> None:
    parts["entries.ndjson"] = parts["entries.ndjson"].replace(b"avg", b"max", 1)


def _time(parts: dict[str, bytes]) -> None:
    parts["chain.ndjson"] = re.sub(rb'"received_ms":(\d+)\d', rb'"received_ms":\g<1>0', parts["chain.ndjson"])


def _dropped(parts: dict[str, bytes]) -> None:
    lines = parts["chain.ndjson"].splitlines(keepends=True)
    parts["chain.ndjson"] = b"".join(lines[:2] + lines[3:])


def _cut_off(parts: dict[str, bytes]) -> None:
    parts["chain.ndjson"] = b"".join(parts["chain.ndjson"].splitlines(keepends=True)[:-1])


def _entries(change: Callable[[dict[str, object]], object]) -> Callable[[dict[str, bytes]], None]:
    def changed(parts: dict[str, bytes]) -> None:
        entries = [json.loads(line) for line in parts["entries.ndjson"].splitlines()]
        change(entries[0])
        parts["entries.ndjson"] = b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)

    return changed


_sender = _entries(lambda entry: entry.update(sender="somebody else"))
_time_of_entry = _entries(lambda entry: entry.update(received_ms=1))
_kind = _entries(lambda entry: entry.update(kind="another"))
_body_without_salt = _entries(lambda entry: (entry.pop("salt"), entry.update(body="what nobody sent")))
_second_body = _entries(lambda entry: entry.update(base64=entry.get("base64", ""), body="what nobody sent"))


@pytest.mark.parametrize(
    "change",
    [_body, _time, _dropped, _cut_off, _sender, _time_of_entry, _kind, _body_without_salt, _second_body],
)
def test_what_was_altered_in_the_file_is_found(
    change: Callable[[dict[str, bytes]], None], data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "score.zip"
    assert evidence(data, out, LAST, "--anchor", anchored(data, tmp_path)).returncode == 0
    checked = check(rewritten(out, change, tmp_path / "altered.zip"))
    assert (checked.returncode, checked.stderr.startswith("WRONG")) == (1, True)


def test_a_file_that_was_exchanged_is_found(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "score.zip"
    assert evidence(data, out).returncode == 0
    with zipfile.ZipFile(out) as found:
        parts = {name: found.read(name) for name in found.namelist()}
    parts["answer.json"] = parts["answer.json"].replace(b"avg", b"max")
    with zipfile.ZipFile(out, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    checked = check(out)
    assert (checked.returncode, "answer.json is not the file" in checked.stderr) == (1, True)


def test_a_ledger_in_which_one_byte_was_altered_is_no_evidence(data: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "ledger.sqlite")) as ledger, ledger:
        for (trigger,) in ledger.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            ledger.execute(f"DROP TRIGGER {trigger}")
        ledger.execute("UPDATE entries SET received_ms = received_ms + 1 WHERE sequence = 3")
    made = evidence(data, tmp_path / "score.zip")
    assert (made.returncode, "entry 3" in made.stderr) == (2, True)
    assert not (tmp_path / "score.zip").exists()


def test_an_erasure_leaves_evidence_of_before_and_of_after_valid(data: Path, tmp_path: Path) -> None:
    anchor = anchored(data, tmp_path)
    before, after = tmp_path / "before.zip", tmp_path / "after.zip"
    assert evidence(data, before, LAST, "--anchor", anchor).returncode == 0
    assert headwater("erase", 1, "--reason", "asked for", "--data", data).returncode == 0
    assert check(before).returncode == 0
    assert headwater("verify", "--data", data, "--anchor", anchor).returncode == 0
    assert evidence(data, after, LAST, "--anchor", anchor).returncode == 0
    assert check(after).returncode == 0


def test_an_anchor_that_proves_nothing_is_refused(data: Path, tmp_path: Path) -> None:
    old = anchored(data, tmp_path)
    other = tmp_path / "other"
    assert headwater("load", PIPELINE[0], "--data", other).returncode == 0
    refused = evidence(other, tmp_path / "x.zip", "file:///data/lake/pipe/staging/customers", "--anchor", old)
    assert (refused.returncode, "another ledger" in refused.stderr) == (2, True)
    assert headwater("tag", LAST, "pii", "--data", data).returncode == 0  # a statement about the node: a newer entry
    refused = evidence(data, tmp_path / "x.zip", LAST, "--anchor", old)
    assert (refused.returncode, "headwater verify --anchor" in refused.stderr) == (2, True)
    refused = evidence(data, tmp_path / "x.zip", LAST, "--signature", old)
    assert (refused.returncode, "--anchor" in refused.stderr) == (2, True)
    assert (
        evidence(data, tmp_path / "x.zip", LAST, "--anchor", anchored(data, tmp_path), "--signature", old).returncode
        == 0
    )


def test_what_is_not_known_has_no_evidence(data: Path, tmp_path: Path) -> None:
    refused = evidence(data, tmp_path / "x.zip", "s3://lake/nowhere")
    assert (refused.returncode, "there is no dataset" in refused.stderr) == (2, True)


@pytest.mark.parametrize("command", [("verify",), ("evidence", "x", "-o", "x.zip")])
def test_a_server_alone_is_not_enough_to_read_the_ledgers_file(command: tuple[str, ...], tmp_path: Path) -> None:
    where = {"HEADWATER_SERVER": "http://127.0.0.1:1", "HEADWATER_DATA": str(tmp_path / "none")}
    done = headwater(*command, **where)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "on the server's machine, name its data folder with --data DIR" in done.stderr
    assert not (tmp_path / "none").exists()


def test_the_checker_is_short_enough_to_be_read() -> None:
    from headwater.evidence import check as module

    assert len(Path(module.__file__).read_text(encoding="utf-8").splitlines()) < 100
