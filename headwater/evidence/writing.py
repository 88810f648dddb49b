"""Writes a file of evidence: one zip, which `check.py` inside it checks without Headwater. docs/ledger.md says how."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.errors import WrongUse
from headwater.evidence.collecting import Named, entries_of, named_in
from headwater.ingest.folder.naming_file import rules_of
from headwater.ingest.ledger.chain import ChainCheck, start
from headwater.ingest.ledger.entries import Head
from headwater.ingest.ledger.ledger import open_reader
from headwater.ingest.ledger.segments import format_line, hash_file
from headwater.ingest.ledger.verify import read_anchor
from headwater.ingest.progress import Progress
from headwater.queries.answers.audit import Audit
from headwater.queries.drawing.audit import page
from headwater.temporary import TemporaryFolder

if TYPE_CHECKING:
    from headwater.ingest.ledger.port import LedgerReader
    from headwater.source import Source

FORMAT = 2  #: 2: answer.json names the entries, and the manifest can be signed
_STEP = 200  #: entries between two reports of progress
_README = """\
Evidence of Headwater, a data-lineage platform.

answer.json      the question and its answer, the ledger's end when it was asked, the entries on which it rests, and
                 when each catalogue was read that says something of it
audit.html       of an audit: the same as a report for people
entries.ndjson   these entries, as the ledger stores them
chain.ndjson     every entry from the first of these to the ledger's end, without bodies: the proof of their place
anchor.*         if there: the ledger's end as an earlier check recorded it elsewhere, its signature, its time stamp
manifest.json    the SHA-256 of each of these files
manifest.sig     if there: a signature of manifest.json, and so of all of this: the answer cannot be exchanged, nor an
                 entry taken out, without a trace
check.py         checks all this; needs Python 3 alone:  unzip -p {name} check.py > check.py; python3 check.py {name}
                 with --key PUBLIC.pem also the signature of the manifest

Any signature can also be checked with openssl:
openssl dgst -sha256 -verify public.pem -signature manifest.sig manifest.json
openssl dgst -sha256 -verify public.pem -signature anchor.sig anchor.json
"""


@dataclass(frozen=True)
class Question:
    """A canned query and its parameters."""

    query: str
    parameters: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Given:
    """What its user adds: the anchor, further files by their names in the evidence, and the key that signs it."""

    anchor: Path | None = None
    beside: Mapping[str, Path] = field(default_factory=dict)
    key: Path | None = None


@dataclass(frozen=True)
class Written:
    """What was written: how many entries the answer rests on, the ledger's end, and whether an anchor covers them."""

    entries: int
    head: Head
    anchored: bool
    manifest: str  #: its SHA-256 in hex: who knows it knows that nothing in the file was exchanged
    signed: bool


def write(
    source: Source, ledger_folder: Path, question: Question, out: Path, given: Given, progress: Progress
) -> Written:
    """Ask, and write the evidence to `out`.

    WrongUse: the ledger is not in order, the anchor is not one of its entries or older than what the answer rests on,
    a file cannot be read, or the key cannot sign.
    """
    anchor, key = given.anchor, given.key
    added = {**given.beside, **({"anchor.json": anchor} if anchor else {})}
    parts = {name: _read(path) for name, path in added.items()}
    found = source.ask(question.query, question.parameters)
    answer = found.to_dict()
    if isinstance(found, Audit):
        parts["audit.html"] = page(found).encode()
    named = _with_plans_of_runs(source, named_in(answer))
    with open_reader(ledger_folder) as ledger, TemporaryFolder() as scratch:
        found_in = entries_of(named, ledger, source.entry, rules_of(ledger_folder))
        rests = found_in.entries
        if not rests:
            raise WrongUse(
                f"the answer of {source.place} rests on no entry of the ledger in {ledger_folder}: either nothing is "
                "known about it, or this is not the data folder of that server"
            )
        proof = _write_proof(ledger, rests, Path(scratch), progress)
        if anchor:
            _compare(anchor, ledger.id, rests, proof)
        document: dict[str, object] = {
            "query": question.query,
            "parameters": dict(question.parameters),
            "answer": answer,
        }
        document |= {"ledger": ledger.id, "head": vars(proof.head), "entries": proof.rests}
        document["snapshots"] = [
            {"source": name, "scope": scope, "at": at, "entry": sequence}
            for (name, scope), (at, sequence) in sorted(found_in.snapshots.items())
        ]
        contents = {
            "answer.json": json.dumps(document, indent=2, ensure_ascii=False).encode(),
            "README.txt": _README.format(name=out.name).encode(),
            "check.py": files("headwater.evidence").joinpath("check.py").read_bytes(),
            **parts,
        }
        manifest = _manifest(contents, Path(scratch), proof, ledger.id)
        signature = {"manifest.sig": sign(manifest, key)} if key else {}
        _zip(out, {"manifest.json": manifest, **signature, **contents}, Path(scratch))
    return Written(len(rests), proof.head, anchor is not None, hashlib.sha256(manifest).hexdigest(), key is not None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUse(f"{path} cannot be read: {error.strerror}") from error


def _with_plans_of_runs(source: Source, named: Named) -> Named:
    """Also the plans that the runs executed."""
    plans = set(named.plans)
    for run in sorted(named.runs):
        executed = source.ask("run", [("run", run)]).to_dict()["rows"]
        plans.update(row["id"] for row in executed if row["relation"] == "executes")
    return replace(named, plans=frozenset(plans))


@dataclass(frozen=True)
class _Proof:
    """The chain from the first entry on which the answer rests: the hash before it, and the hashes by sequence."""

    first: int
    previous: str
    head: Head
    hashes: Mapping[int, str]
    rests: Sequence[Mapping[str, object]]  #: the entries: sequence, hash, and whether the payload was erased


def _write_proof(ledger: LedgerReader, rests: Iterable[int], scratch: Path, progress: Progress) -> _Proof:
    """Check the whole ledger, and write ``chain.ndjson`` and ``entries.ndjson``. WrongUse: it is not in order."""
    wanted = frozenset(rests)
    first, total = min(wanted), ledger.head().sequence
    check = ChainCheck(start(ledger.id))
    previous, hashes, named = start(ledger.id).hash, dict[int, str](), list[Mapping[str, object]]()
    with (
        (scratch / "chain.ndjson").open("w", encoding="utf-8") as chain,
        (scratch / "entries.ndjson").open("w", encoding="utf-8") as entries,
    ):
        for done, entry in enumerate(ledger.stored(), start=1):
            if not check.add(entry):
                break
            if entry.chained.sequence >= first:
                hashes[entry.chained.sequence] = entry.hash.hex()
                chain.write(format_line(entry._replace(body=None, salt=None)))
            else:
                previous = entry.hash.hex()
            if entry.chained.sequence in wanted:
                entries.write(format_line(entry))
                erased = entry.body is None
                named.append({"sequence": entry.chained.sequence, "hash": entry.hash.hex(), "erased": erased})
            if done % _STEP == 0:
                progress(done, max(done, total))
    problems = check.problems or check.finish()
    if problems:
        raise WrongUse(f"the ledger is no evidence: {problems[0].sentence} (headwater verify)")
    return _Proof(first, previous, check.reached, hashes, named)


def _compare(anchor: Path, ledger: str, rests: Iterable[int], proof: _Proof) -> None:
    known = read_anchor(anchor)
    last = max(rests)
    if known.ledger != ledger:
        raise WrongUse(f"the anchor {anchor} was recorded for another ledger")
    if known.head.sequence < last:
        raise WrongUse(
            f"the anchor {anchor} is of entry {known.head.sequence}, and the answer rests on entry {last}:"
            f" headwater verify --anchor {anchor} first"
        )
    if proof.hashes.get(known.head.sequence) != known.head.hash:
        raise WrongUse(f"the ledger is not the one that the anchor {anchor} saw (headwater verify --anchor {anchor})")


_LARGE = ("chain.ndjson", "entries.ndjson")  #: written beside, since they can be larger than memory


def _manifest(contents: Mapping[str, bytes], scratch: Path, proof: _Proof, ledger: str) -> bytes:
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name in _LARGE:
        digests[name] = hash_file(scratch / name)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "ledger": ledger,
        "first": proof.first,
        "previous": proof.previous,
        "head": vars(proof.head),
        "files": digests,
    }
    return json.dumps(manifest, indent=2).encode()


def sign(text: bytes, key: Path) -> bytes:
    """A signature of the text (SHA-256) with a private key in a PEM file, made by openssl. WrongUse: it cannot."""
    program = shutil.which("openssl")
    if program is None:
        raise WrongUse("--key needs the program openssl; docs/ledger.md shows how to sign the file afterwards")
    # Without a terminal, openssl would wait for the passphrase of a key that has one: -passin gives it an empty one.
    command = [program, "dgst", "-sha256", "-passin", "pass:", "-sign", str(key)]
    done = subprocess.run(command, input=text, capture_output=True, check=False)  # noqa: S603 - no shell, and a path
    if done.returncode != 0:
        raise WrongUse(f"--key {key}: openssl cannot sign with it: is it a private RSA key in PEM without passphrase?")
    return done.stdout


def _zip(out: Path, contents: Mapping[str, bytes], scratch: Path) -> None:
    """Write the zip beside `out`, and put it in its place when it is whole. WrongUse: it cannot be written."""
    new = out.with_name(f"{out.name}.new")
    try:
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in contents.items():
                file.writestr(name, content)
            for name in _LARGE:
                file.write(scratch / name, name)
        new.replace(out)
    except OSError as error:
        raise WrongUse(f"{out} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            new.unlink()  # it is still there if something went wrong
