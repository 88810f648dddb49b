"""Writes a file of evidence: one zip, which `check.py` inside it checks without Headwater. docs/ledger.md says how."""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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

if TYPE_CHECKING:
    from headwater.ingest.ledger.port import LedgerReader
    from headwater.source import Source

FORMAT = 1
_STEP = 200  #: entries between two reports of progress
_README = """\
Evidence of Headwater, a data-lineage platform.

answer.json      the question and its answer, with the ledger's end when it was asked
audit.html       of an audit: the same as a report for people
entries.ndjson   the ledger entries on which the answer rests, as the ledger stores them
chain.ndjson     every entry from the first of these to the ledger's end, without bodies: the proof of their place
anchor.*         if there: the ledger's end as an earlier check recorded it elsewhere, its signature, its time stamp
manifest.json    what the files are
check.py         checks all this; needs Python 3 alone:  unzip -p {name} check.py > check.py; python3 check.py {name}

A signature is checked with the tool that made it, for example
openssl dgst -sha256 -verify public.pem -signature anchor.sig anchor.json
"""


@dataclass(frozen=True)
class Question:
    """A canned query and its parameters."""

    query: str
    parameters: tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class Written:
    """What was written: how many entries the answer rests on, the ledger's end, and whether an anchor covers them."""

    entries: int
    head: Head
    anchored: bool


def write(
    source: Source,
    ledger_folder: Path,
    question: Question,
    out: Path,
    anchor: Path | None,
    beside: Mapping[str, Path],
    progress: Progress,
) -> Written:
    """Ask, and write the evidence to `out`. `beside`: further files by their names in it.

    WrongUse: the ledger is not in order, the anchor is not one of its entries or older than what the answer rests on,
    or a file cannot be read.
    """
    given = {name: _read(path) for name, path in {**beside, **({"anchor.json": anchor} if anchor else {})}.items()}
    found = source.ask(question.query, question.parameters)
    answer = found.to_dict()
    if isinstance(found, Audit):
        given["audit.html"] = page(found).encode()
    named = _with_plans_of_runs(source, named_in(answer))
    with open_reader(ledger_folder) as ledger, tempfile.TemporaryDirectory(prefix="headwater-") as scratch:
        rests = entries_of(named, ledger, source.entry, rules_of(ledger_folder))
        if not rests:
            raise WrongUse("the answer rests on no entry of the ledger: nothing is known about it")
        proof = _write_proof(ledger, rests, Path(scratch), progress)
        if anchor:
            _compare(anchor, ledger.id, rests, proof)
        document = {"query": question.query, "parameters": dict(question.parameters), "answer": answer}
        document |= {"ledger": ledger.id, "head": vars(proof.head)}
        contents = {
            "answer.json": json.dumps(document, indent=2, ensure_ascii=False).encode(),
            "README.txt": _README.format(name=out.name).encode(),
            "check.py": files("headwater.evidence").joinpath("check.py").read_bytes(),
            **given,
        }
        _zip(out, contents, Path(scratch), proof, ledger.id)
    return Written(len(rests), proof.head, anchor is not None)


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


def _write_proof(ledger: LedgerReader, rests: Iterable[int], scratch: Path, progress: Progress) -> _Proof:
    """Check the whole ledger, and write ``chain.ndjson`` and ``entries.ndjson``. WrongUse: it is not in order."""
    wanted = frozenset(rests)
    first, total = min(wanted), ledger.head().sequence
    check = ChainCheck(start(ledger.id))
    previous, hashes = start(ledger.id).hash, dict[int, str]()
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
            if done % _STEP == 0:
                progress(done, max(done, total))
    problems = check.problems or check.finish()
    if problems:
        raise WrongUse(f"the ledger is no evidence: {problems[0].sentence} (headwater verify)")
    return _Proof(first, previous, check.reached, hashes)


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


def _zip(out: Path, contents: Mapping[str, bytes], scratch: Path, proof: _Proof, ledger: str) -> None:
    """Write the zip beside `out`, and put it in its place when it is whole. WrongUse: it cannot be written."""
    large = ("chain.ndjson", "entries.ndjson")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name in large:
        digests[name] = hash_file(scratch / name)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "ledger": ledger,
        "first": proof.first,
        "previous": proof.previous,
        "head": vars(proof.head),
        "files": digests,
    }
    new = out.with_name(f"{out.name}.new")
    try:
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("manifest.json", json.dumps(manifest, indent=2))
            for name, content in contents.items():
                file.writestr(name, content)
            for name in large:
                file.write(scratch / name, name)
        new.replace(out)
    except OSError as error:
        raise WrongUse(f"{out} cannot be written: {error.strerror}") from error
    finally:
        with suppress(OSError):
            new.unlink()  # it is still there if something went wrong
