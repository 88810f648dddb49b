"""Check a file of evidence that Headwater wrote. Needs Python 3 alone, no network, and nothing from Headwater.

    python3 check.py EVIDENCE.zip [--key PUBLIC.pem] [--manifest HASH] [--head HASH]

It checks that the entries are those that the answer names, and that their hashes follow from what was sent. Whoever can
write the file can make all of it anew: give the key of who signed it (RSA), or a hash that you have from elsewhere.
"""

import argparse
import base64
import hashlib
import json
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any


def link(previous: str, entry: "dict[str, Any]") -> str:
    """The hash of an entry that follows the one with the hash `previous`."""
    numbers = [entry[name].to_bytes(8, "big", signed=True) for name in ("sequence", "received_ms")]
    texts = [b"\x01" + entry["sender"].encode() if entry["sender"] is not None else b""]
    texts += [entry[name].encode() for name in ("kind", "content_type", "redactions")]
    fields = [bytes.fromhex(previous), *numbers, *texts, bytes.fromhex(entry["salted"])]
    framed = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hashlib.sha256(b"headwater.ledger.1" + framed).hexdigest()


def has_its_body(entry: "dict[str, Any]") -> bool:
    """Whether its payload is the one that was hashed. One that was erased is not there, nor is its salt."""
    there = [name for name in ("body", "base64") if name in entry]
    if len(there) != 1:
        return not there and "salt" not in entry
    body = entry["body"].encode() if there == ["body"] else base64.b64decode(entry["base64"])
    return bool(hashlib.sha256(bytes.fromhex(entry.get("salt", "")) + body).hexdigest() == entry["salted"])


def values(der: bytes) -> "list[bytes]":
    """The contents of the values that stand one after the other in a DER text (X.690)."""
    size, at = (der[1], 2) if der[1] < 0x80 else (int.from_bytes(der[2 : der[1] - 0x7E], "big"), der[1] - 0x7E)
    return [der[at : at + size], *(values(der[at + size :]) if der[at + size :] else [])]


def is_signed(text: bytes, signature: bytes, pem: str) -> bool:
    """Whether the signature (RSA with SHA-256, PKCS #1 1.5) is one of the text, by the owner of the public key."""
    kind, key, *more = values(values(base64.b64decode("".join(pem.split("-----")[2].split())))[0])
    if more or bytes.fromhex("2A864886F70D010101") not in kind:
        raise ValueError("this checks public RSA keys alone; for others: openssl dgst -sha256 -verify")
    modulus, exponent = (int.from_bytes(number, "big") for number in values(values(key[1:])[0]))
    end = bytes.fromhex("003031300D060960864801650304020105000420") + hashlib.sha256(text).digest()
    padded = b"\0\1".ljust((modulus.bit_length() + 7) // 8 - len(end), b"\xff") + end
    return pow(int.from_bytes(signature, "big"), exponent, modulus) == int.from_bytes(padded, "big")


def check(file: zipfile.ZipFile, given: argparse.Namespace) -> None:  # noqa: C901 - read it from top to bottom
    """Print what holds. ValueError: something does not."""
    told = file.read("manifest.json")
    manifest, digest = json.loads(told), hashlib.sha256(told).hexdigest()
    head, chain, found = {"ledger": manifest["ledger"], **manifest["head"]}, dict[int, str](), []
    if given.key and not is_signed(told, file.read("manifest.sig"), Path(given.key).read_text()):
        raise ValueError("the manifest was not signed with this key, or was altered")
    for name, sha256 in manifest["files"].items():
        if hashlib.sha256(file.read(name)).hexdigest() != sha256:
            raise ValueError(f"{name} is not the file that was written")
    for expected, entry in enumerate(map(json.loads, file.open("chain.ndjson")), start=manifest["first"]):
        chain[expected] = link(chain.get(expected - 1, manifest["previous"]), entry)
        if entry["sequence"] != expected or chain[expected] != entry["hash"]:
            raise ValueError(f"entry {expected}: its hash does not follow from it and the entry before")
    for entry in map(json.loads, file.open("entries.ndjson")):
        own = link(chain.get(entry["sequence"] - 1, manifest["previous"]), entry)
        if not own == entry["hash"] == chain.get(entry["sequence"]) or not has_its_body(entry):
            raise ValueError(f"entry {entry['sequence']} was altered")
        found.append((entry["sequence"], own, "salt" not in entry))
    named = [(one["sequence"], one["hash"], one["erased"]) for one in json.loads(file.read("answer.json"))["entries"]]
    if named != found:
        raise ValueError(f"entries {sorted({*named} ^ {*found})}: the answer names others than those in the file")
    for name in ["head", *({"anchor.json"} & set(manifest["files"]))]:
        end = json.loads(file.read(name)) if name != "head" else head
        if (end["ledger"], chain.get(end["sequence"])) != (head["ledger"], end["hash"]):
            raise ValueError(f"{name}: it is not an entry of this chain")
        print(f"{name}: entry {end['sequence']} of the ledger {end['ledger']} has the hash {end['hash']}")
    if given.manifest not in (None, digest) or given.head not in (None, *chain.values()):
        raise ValueError("--manifest is not the SHA-256 of this manifest, or --head not the hash of an entry here")
    print(f"the answer rests on {len(found)} entries, {sum(gone for *_, gone in found)} of them erased")
    print(f"SHA-256 of the manifest: {digest}, {'signed' if given.key else 'to be compared, or checked with --key'}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option in ("evidence", "--key", "--manifest", "--head"):
        parser.add_argument(option)
    arguments = parser.parse_args()
    try:
        with zipfile.ZipFile(arguments.evidence) as evidence:
            check(evidence, arguments)
    except (LookupError, ValueError, TypeError, AttributeError, OSError, zipfile.BadZipFile, zlib.error) as error:
        sys.exit(f"WRONG: {error}" if isinstance(error, ValueError) else f"WRONG: it is no evidence ({error!r})")
    print("all holds")
