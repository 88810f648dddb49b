"""Check a file of evidence that Headwater wrote. Needs Python 3 alone, no network, and nothing from Headwater.

    python3 check.py EVIDENCE.zip [--head HASH]

It checks that each file in it is the one that was written; that each entry's hash follows from the entry and from the
hash before it, up to the ledger's end; and that the bodies of the entries on which the answer rests are those that were
hashed. The end of the ledger is then compared with an anchor: the one in the file, or the HASH that you kept yourself.
An anchor is worth as much as the place where it was kept. Exit code 0: all holds, 1: something does not.
"""

import base64
import hashlib
import json
import sys
import zipfile
import zlib
from typing import Any


def link(previous: bytes, entry: "dict[str, Any]") -> bytes:
    """The hash of an entry that follows the one with the hash `previous`."""
    digest = hashlib.sha256(b"headwater.ledger.1")
    sender = entry["sender"]
    for field in (
        previous,
        entry["sequence"].to_bytes(8, "big", signed=True),
        entry["received_ms"].to_bytes(8, "big", signed=True),
        b"" if sender is None else b"\x01" + sender.encode(),
        entry["kind"].encode(),
        entry["content_type"].encode(),
        entry["redactions"].encode(),
        bytes.fromhex(entry["salted"]),
    ):
        digest.update(len(field).to_bytes(8, "big") + field)
    return digest.digest()


def chain_of(file: zipfile.ZipFile, manifest: "dict[str, Any]") -> "dict[int, tuple[bytes, str]]":
    """By sequence: the hash of the entry before, and the entry's own. ValueError: the chain is broken."""
    found, previous = {}, bytes.fromhex(manifest["previous"])
    for expected, line in enumerate(file.open("chain.ndjson"), start=manifest["first"]):
        entry = json.loads(line)
        if entry["sequence"] != expected or link(previous, entry).hex() != entry["hash"]:
            raise ValueError(f"entry {expected}: its hash does not follow from it and the entry before")
        found[expected] = (previous, entry["hash"])
        previous = bytes.fromhex(entry["hash"])
    head = manifest["head"]
    if found.get(head["sequence"], (b"", ""))[1] != head["hash"]:
        raise ValueError("the chain does not end where the manifest says")
    return found


def is_altered(entry: "dict[str, Any]", chain: "dict[int, tuple[bytes, str]]") -> bool:
    """Whether anything in the entry is not what was hashed. A body that was erased is not there, nor is its salt."""
    previous, own = chain.get(entry["sequence"], (b"", ""))
    bodies = [name for name in ("body", "base64") if name in entry]
    if not link(previous, entry).hex() == own == entry["hash"] or len(bodies) > 1:
        return True
    if not bodies:
        return "salt" in entry
    body = base64.b64decode(entry["base64"]) if bodies == ["base64"] else entry["body"].encode()
    return hashlib.sha256(bytes.fromhex(entry.get("salt", "")) + body).hexdigest() != str(entry["salted"])


def check(file: zipfile.ZipFile, kept: "str | None") -> None:
    """Print what holds. ValueError: something does not."""
    manifest = json.loads(file.read("manifest.json"))
    for name, sha256 in manifest["files"].items():
        if hashlib.sha256(file.read(name)).hexdigest() != sha256:
            raise ValueError(f"{name} is not the file that was written")
    chain = chain_of(file, manifest)
    entries = [json.loads(line) for line in file.open("entries.ndjson")]
    for entry in entries:
        if is_altered(entry, chain):
            raise ValueError(f"entry {entry['sequence']} was altered")
    head, hashes = manifest["head"], {sequence: link for sequence, (_, link) in chain.items()}
    print(f"the answer rests on {len(entries)} entries; chain from entry {manifest['first']} to {head['sequence']}")
    print(f"head of the ledger {manifest['ledger']}: {head['sequence']} {head['hash']}")
    if "anchor.json" in manifest["files"]:
        anchor = json.loads(file.read("anchor.json"))
        if anchor["ledger"] != manifest["ledger"] or hashes.get(anchor["sequence"]) != anchor["hash"]:
            raise ValueError("the anchor is not an entry of this chain")
        print(f"the anchor in the file is entry {anchor['sequence']} of this chain")
    if kept is not None and kept not in hashes.values():
        raise ValueError(f"{kept} is not the hash of an entry of this chain")
    if kept is None and "anchor.json" not in manifest["files"]:
        print("there is no anchor: compare the head with one that was kept elsewhere (--head HASH)")


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if len(arguments) not in (1, 3) or arguments[1:2] not in ([], ["--head"]):
        sys.exit("usage: python3 check.py EVIDENCE.zip [--head HASH]")
    try:
        with zipfile.ZipFile(arguments[0]) as evidence:
            check(evidence, arguments[2] if len(arguments) == 3 else None)
    except (KeyError, ValueError, TypeError, AttributeError, OSError, zipfile.BadZipFile, zlib.error) as error:
        sys.exit(f"WRONG: {error}" if isinstance(error, ValueError) else f"WRONG: it is no evidence ({error!r})")
    print("all holds")
