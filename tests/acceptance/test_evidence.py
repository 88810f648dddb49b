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

from tests.acceptance.door import PIPELINE, headwater, headwater_in, serving

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
    assert (checked.returncode, "all holds" in checked.stdout, "anchor.json: entry 18" in checked.stdout) == (
        0,
        True,
        True,
    )
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
    assert (other.returncode, "--head" in other.stderr) == (1, True)
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
    parts["chain.ndjson"] = re.sub(rb'"received_ms":\d+', rb"\g<0>0", parts["chain.ndjson"])


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


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[dict[str, bytes]], None]:
    def changed(parts: dict[str, bytes]) -> None:
        parts["entries.ndjson"] = b"".join(change(parts["entries.ndjson"].splitlines(keepends=True)))

    return changed


def _mended(change: Callable[[dict[str, bytes]], None]) -> Callable[[dict[str, bytes]], None]:
    """The answer names the entries that are left, as if there had never been others."""

    def changed(parts: dict[str, bytes]) -> None:
        change(parts)
        answer = json.loads(parts["answer.json"])
        there = {json.loads(line)["sequence"] for line in parts["entries.ndjson"].splitlines()}
        answer["entries"] = [one for one in answer["entries"] if one["sequence"] in there]
        parts["answer.json"] = json.dumps(answer).encode()

    return changed


def _added(parts: dict[str, bytes]) -> None:
    """One that stands in the chain, but on which the answer does not rest; its payload can be said to be erased."""
    named = {one["sequence"] for one in json.loads(parts["answer.json"])["entries"]}
    chain = [json.loads(line) for line in parts["chain.ndjson"].splitlines()]
    further = next(entry for entry in chain if entry["sequence"] not in named)
    parts["entries.ndjson"] += json.dumps(further).encode() + b"\n"


def _answer(parts: dict[str, bytes]) -> None:
    parts["answer.json"] = parts["answer.json"].replace(b"avg", b"max")


_taken_out = _lines(lambda lines: lines[:2] + lines[3:])
_twice = _lines(lambda lines: [*lines, lines[-1]])
_said_to_be_erased = _entries(lambda entry: [entry.pop(name, None) for name in ("salt", "body", "base64")])


@pytest.mark.parametrize("change", [_taken_out, _added, _twice, _said_to_be_erased])
def test_the_entries_are_those_that_the_answer_names(
    change: Callable[[dict[str, bytes]], None], data: Path, tmp_path: Path
) -> None:
    out = tmp_path / "score.zip"
    assert evidence(data, out, LAST, "--anchor", anchored(data, tmp_path)).returncode == 0
    checked = check(rewritten(out, change, tmp_path / "altered.zip"))
    assert (checked.returncode, "the answer names others" in checked.stderr) == (1, True)


def keys(folder: Path, name: str, *kind: str) -> tuple[Path, Path]:
    """A new pair of keys by openssl: the private and the public one."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    subprocess.run(["openssl", "genpkey", *kind, "-out", str(private)], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)], check=True)
    return private, public


RSA = ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")
EC = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")


@pytest.fixture(scope="module")
def signed(original: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Evidence that was signed, and the public key."""
    folder = tmp_path_factory.mktemp("signed")
    private, public = keys(folder, "mine", *RSA)
    made = evidence(original, folder / "score.zip", LAST, "--key", private)
    assert (made.returncode, "not signed" in made.stderr) == (0, False), made.stderr
    return folder / "score.zip", public


def test_evidence_that_was_signed_is_checked_with_the_public_key(signed: tuple[Path, Path], tmp_path: Path) -> None:
    out, public = signed
    checked = check(out, "--key", str(public))
    assert (checked.returncode, ", signed" in checked.stdout) == (0, True), checked.stderr
    with zipfile.ZipFile(out) as found:
        for name in ("manifest.json", "manifest.sig"):
            (tmp_path / name).write_bytes(found.read(name))
    command = ["openssl", "dgst", "-sha256", "-verify", str(public), "-signature", "manifest.sig", "manifest.json"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    _, other = keys(tmp_path, "other", *RSA)
    wrong = check(out, "--key", str(other))
    assert (wrong.returncode, "was not signed with this key" in wrong.stderr) == (1, True)
    private, elliptic = keys(tmp_path, "elliptic", *EC)
    wrong = check(out, "--key", str(elliptic))
    assert (wrong.returncode, "RSA" in wrong.stderr) == (1, True)
    wrong = check(out, "--key", str(private))
    assert (wrong.returncode, wrong.stderr.startswith("WRONG"), "Traceback" in wrong.stderr) == (1, True, False)
    own, _ = keys(tmp_path, "own", *RSA)
    wrong = check(out, "--key", str(own))
    assert (wrong.returncode, "public RSA keys alone" in wrong.stderr) == (1, True)


@pytest.mark.parametrize("change", [_answer, _body, _mended(_taken_out), _mended(_said_to_be_erased), _added])
def test_what_was_made_anew_is_found_by_the_signature_and_by_the_manifests_digest(
    change: Callable[[dict[str, bytes]], None], signed: tuple[Path, Path], tmp_path: Path
) -> None:
    """Also where the answer and the list of the files' hashes were made to fit."""
    out, public = signed
    altered = rewritten(out, change, tmp_path / "altered.zip")
    checked = check(altered, "--key", str(public))
    assert (checked.returncode, "was not signed with this key" in checked.stderr) == (1, True)
    with zipfile.ZipFile(out) as found:
        digest = sha256(found.read("manifest.json")).hexdigest()
    assert check(out, "--manifest", digest).returncode == 0
    assert check(altered, "--manifest", digest).returncode == 1


def test_a_signature_that_was_taken_out_is_missed(signed: tuple[Path, Path], tmp_path: Path) -> None:
    out, public = signed

    def without(parts: dict[str, bytes]) -> None:
        del parts["manifest.sig"]

    bare = rewritten(out, without, tmp_path / "bare.zip")
    checked = check(bare, "--key", str(public))
    assert (checked.returncode, "manifest.sig" in checked.stderr) == (1, True)


def test_the_digest_to_tell_is_the_manifests(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "score.zip"
    made = evidence(data, out, LAST, "--json")
    said = json.loads(made.stdout)
    assert (said["entries"], said["signed"]) == (len(contents(out, "entries.ndjson")), False)
    assert check(out, "--manifest", said["manifest"]).returncode == 0


def test_a_key_that_cannot_sign_is_refused_and_no_file_is_written(data: Path, tmp_path: Path) -> None:
    private, public = keys(tmp_path, "mine", *RSA)
    locked = tmp_path / "locked.pem"
    command = ["openssl", "rsa", "-aes128", "-passout", "pass:word", "-in", str(private), "-out", str(locked)]
    subprocess.run(command, check=True, capture_output=True)
    for key in (public, locked):
        refused = evidence(data, tmp_path / "x.zip", LAST, "--key", key)
        assert (refused.returncode, f"--key {key}" in refused.stderr) == (2, True)
    assert not (tmp_path / "x.zip").exists()


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
    private, public = keys(tmp_path, "mine", *RSA)
    before, after = tmp_path / "before.zip", tmp_path / "after.zip"
    assert evidence(data, before, LAST, "--anchor", anchor).returncode == 0
    assert headwater("erase", 1, "--reason", "asked for", "--data", data).returncode == 0
    assert check(before).returncode == 0
    assert headwater("verify", "--data", data, "--anchor", anchor).returncode == 0
    assert evidence(data, after, LAST, "--anchor", anchor, "--key", private).returncode == 0
    checked = check(after, "--key", str(public))
    assert (checked.returncode, ", signed" in checked.stdout) == (0, True), checked.stderr


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


@pytest.mark.parametrize(
    "command", [("verify",), ("evidence", LAST, "-o", "x.zip"), ("backup", "x.sqlite"), ("erase", "1", "--reason", "x")]
)
def test_the_default_folder_is_not_taken_for_that_of_a_server_elsewhere(
    command: tuple[str, ...], data: Path, tmp_path: Path
) -> None:
    shutil.copytree(data, tmp_path / "headwater", ignore=shutil.ignore_patterns("server.json"))
    where = {"HEADWATER_SERVER": "http://127.0.0.1:1", "XDG_DATA_HOME": str(tmp_path)}
    done = headwater_in(tmp_path, *command, **where)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the server http://127.0.0.1:1 does not send: on the server's machine, name" in done.stderr
    assert f"it does not run on {tmp_path / 'headwater'}" in done.stderr


def test_the_default_folder_of_the_server_named_is_its_own(tmp_path: Path) -> None:
    with serving(tmp_path / "headwater") as server:
        named = server.url.replace("127.0.0.1", "localhost")
        done = headwater("verify", HEADWATER_SERVER=named, XDG_DATA_HOME=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_server_on_this_machine_tells_where_its_ledger_is(tmp_path: Path) -> None:
    empty = {"XDG_DATA_HOME": str(tmp_path / "empty")}
    with serving(tmp_path / "elsewhere") as server:
        headwater("load", "--data", server.folder, *PIPELINE)
        asked = {"HEADWATER_SERVER": server.url, **empty}
        assert headwater("verify", **asked).stdout.startswith("ok: 18 entries")
        made = headwater_in(tmp_path, "evidence", "churn_by_country#avg_score", "-o", "score.zip", **asked)
        assert "the answer rests on" in made.stdout, made.stderr
        reader = headwater("token", "add", "--scope", "read", "page", "--data", server.folder).stdout.split()[0]
        refused = headwater("verify", HEADWATER_TOKEN=reader, **asked)
        assert (refused.returncode, "name its data folder with --data DIR" in refused.stderr) == (2, True)


def test_the_checker_is_short_enough_to_be_read() -> None:
    from headwater.evidence import check as module

    assert len(Path(module.__file__).read_text(encoding="utf-8").splitlines()) < 100
