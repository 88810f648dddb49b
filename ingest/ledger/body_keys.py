"""Bodies that are encrypted, each with a key of its own, and the place where the keys are kept, outside of the ledger.

So a body can be erased where Object Lock keeps its segment: its key is deleted, in all its versions, and nobody can
read the body any more, in no copy of the segment. The place must not be under Object Lock itself.

    PLACE/<ledger id>/ledger.json                      says that the keys of this ledger are kept here
    PLACE/<ledger id>/000000000001-0123456789abcdef.json    the keys of one segment, by the number of the entry

What is encrypted is the salt and the body: AES-256-GCM of the library `cryptography`, with a key that is used once. The
hashes of the chain are over the plain body (`chain`), so they are checked after it was decrypted. A key that is not in
the file was deleted, and its body was erased: an entry of the kind `ERASURE` has to say so, else `chain` finds it.

Here: these files, and encrypting. Not here: the lines of a segment (`segments`), and in which order what is written
(`segment_ledger`).
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from headwater.aws_bridge.session import AwsError, NotInstalled
from headwater.ingest.ledger.entries import LARGEST_BODY, SALT_BYTES, LedgerError, LedgerUnavailable
from headwater.ingest.places.file_storage import ObjectStorage, Versioned

FORMAT = 1
NOTE = "keys.json"  #: in the ledger: where its keys were when they were begun; for messages, never opened
_MARK = "ledger.json"
_KEY_BITS = 256
_NONCE_BYTES = 12  #: what AES-GCM is made for: NIST SP 800-38D, 8.2
_FILES_IN_MEMORY = 8  #: of keys: a segment is read from its beginning to its end, by few threads
#: Errors of AWS that no second try heals; those of a KMS key that was disabled or deleted begin with ``KMS.``.
_GONE = frozenset({"NoSuchBucket", "AccessDenied", "AllAccessDisabled"})


class KeysNotNamed(LedgerError):
    """A ledger has encrypted bodies, and nobody said where their keys are."""


class KeysMissing(LedgerUnavailable):
    """The keys of encrypted bodies are not where they were kept. The ledger is as it was; it waits for them."""


class Sealed(NamedTuple):
    """Salt and body of an entry, encrypted."""

    keys: str  #: the file with its key, without the folder of the ledger and ``.json``
    content: bytes  #: 12 bytes of nonce, then what AES-GCM gives: the ciphertext and 16 bytes of tag


class BodyKeys:
    """The keys of one ledger. Thread-safe. Errors of the storage come as they are."""

    def __init__(self, storage: ObjectStorage, ledger: str) -> None:
        """`storage` may hold the keys of several ledgers; `ledger` is the id of this one."""
        self._storage = storage
        self._ledger = ledger
        self._lock = threading.Lock()
        self._recent: OrderedDict[str, Mapping[str, str]] = OrderedDict()

    def begin(self) -> None:
        """Note that the keys of this ledger are kept here. NotInstalled. LedgerError: Object Lock keeps it."""
        _aes()
        with self._missing(f"{self._ledger}/{_MARK}"):
            if not self.begun():
                self._storage.write(f"{self._ledger}/{_MARK}", _text({"ledger": self._ledger}))
        self.refuse_if_kept(_MARK)

    def begun(self) -> bool:
        """Whether keys of this ledger were ever kept here."""
        name = f"{self._ledger}/{_MARK}"
        with self._missing(name):
            return next(self._storage.listed(name), None) == name

    def refuse_if_kept(self, file: str) -> None:
        """LedgerError: Object Lock keeps a file here, so no key in it could be deleted."""
        kept = self._storage.kept_until(f"{self._ledger}/{file}") if isinstance(self._storage, Versioned) else None
        if kept is not None:
            raise LedgerError(
                f"{self._storage}/{self._ledger}/{file} is kept by S3's Object Lock ({kept[0].lower()})"
                f" until {kept[1]}: keys have to lie where they can be deleted, in a bucket without it"
            )

    def seal(self, first: int, bodies: Mapping[int, tuple[bytes, bytes]]) -> dict[int, Sealed]:
        """Encrypt salt and body of entries, by sequence; `first` is the first entry of their segment.

        The keys are durable on return, in a file that no other attempt at this segment has. NotInstalled.
        """
        aes = _aes()
        file = f"{first:012}-{secrets.token_hex(8)}"
        keys = {sequence: aes.generate_key(bit_length=_KEY_BITS) for sequence in bodies}
        sealed = {}
        for sequence, (salt, body) in bodies.items():
            nonce = secrets.token_bytes(_NONCE_BYTES)
            sealed[sequence] = Sealed(
                file, nonce + aes(keys[sequence]).encrypt(nonce, zlib.compress(salt + body, 3), None)
            )
        content = {"ledger": self._ledger, "keys": {str(sequence): key.hex() for sequence, key in keys.items()}}
        with self._missing(self._path(file)):
            self._storage.write(self._path(file), _text(content), once=True)
        return sealed

    def opened(self, sequence: int, sealed: Sealed) -> tuple[bytes, bytes] | None:
        """Salt and body of an entry; None: its key was deleted. KeysMissing.

        ValueError: key and ciphertext do not belong together, since one of both was altered.
        """
        key = self._keys(sealed.keys).get(str(sequence))
        if key is None:
            return None
        from cryptography.exceptions import InvalidTag

        nonce, content = sealed.content[:_NONCE_BYTES], sealed.content[_NONCE_BYTES:]
        try:
            packed = _aes()(bytes.fromhex(key)).decrypt(nonce, content, None)
            whole = zlib.decompressobj().decompress(packed, LARGEST_BODY + SALT_BYTES)
        except (InvalidTag, ValueError, TypeError, zlib.error) as error:
            raise ValueError(
                f"cannot be decrypted with its key in {self._storage}/{self._path(sealed.keys)}:"
                " one of both was altered"
            ) from error
        return whole[:SALT_BYTES], whole[SALT_BYTES:]

    def delete(self, file: str, sequences: Iterable[int]) -> None:
        """Delete keys for good, with all older versions of their file. Again: what is left of it is done."""
        gone = {str(sequence) for sequence in sequences}
        name = self._path(file)
        with self._lock:
            self._recent.pop(file, None)
        left = {sequence: key for sequence, key in self._read(file).items() if sequence not in gone}
        with self._missing(name):
            self._storage.write(name, _text({"ledger": self._ledger, "keys": left}))
            if isinstance(self._storage, Versioned):
                self._storage.remove_older(name)

    def _keys(self, file: str) -> Mapping[str, str]:
        with self._lock:
            found = self._recent.get(file)
            if found is not None:
                self._recent.move_to_end(file)
                return found
        read = self._read(file)
        with self._lock:
            self._recent[file] = read
            while len(self._recent) > _FILES_IN_MEMORY:
                self._recent.popitem(last=False)
        return read

    def _read(self, file: str) -> dict[str, str]:
        name = self._path(file)
        with self._missing(name):
            text = self._storage.read(name)
        try:
            found = json.loads(text)
            if found["format"] != FORMAT or found["ledger"] != self._ledger:
                raise ValueError(f"format {found['format']}, of the ledger {found['ledger']}")  # noqa: TRY301
            return {str(sequence): str(key) for sequence, key in found["keys"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise KeysMissing(
                f"{name} in {self._storage} does not hold the keys of the ledger {self._ledger} any more"
                f" ({type(error).__name__}: {error}): bring it back from a copy"
            ) from None

    def _path(self, file: str) -> str:
        return f"{self._ledger}/{file}.json"

    @contextmanager
    def _missing(self, name: str) -> Iterator[None]:
        """What says that the place or a file in it is not there, as `KeysMissing`."""
        try:
            yield
        except FileNotFoundError:
            why = "there is no such file"
        except AwsError as error:
            if error.code not in _GONE and not error.code.startswith("KMS."):
                raise
            why = str(error)
        else:
            return
        raise KeysMissing(
            f"the keys of the ledger {self._ledger} cannot be had from {self._storage}: {name}: {why}. Its encrypted"
            " bodies can be read with them alone"
        )

    def __str__(self) -> str:
        return str(self._storage)


def not_named(where: object, note: bytes | None) -> KeysNotNamed:
    """The error for a ledger with encrypted bodies whose keys were not named. `note`: what `NOTE` in it says."""
    try:
        noted = f"; it was begun with {json.loads(note)['keys']}" if note else ""
    except (ValueError, KeyError, TypeError):
        noted = ""
    return KeysNotNamed(
        f"the bodies in {where} are encrypted: name the place of their keys with --keys or HEADWATER_KEYS{noted}"
    )


def parse_sealed(values: Mapping[str, Any]) -> Sealed | None:
    """What a line of a segment has of an encrypted body. ValueError, TypeError: it cannot be."""
    if "encrypted" not in values:
        return None
    keys, encrypted = str(values.get("keys")), values["encrypted"]
    number, _, rest = keys.partition("-")
    if not (number.isdigit() and rest.isalnum() and rest.isascii()):  # a name from a file: never a path
        raise ValueError("keys: expected the name of a file of keys")
    return Sealed(keys, base64.b64decode(encrypted, validate=True))


def format_sealed(sealed: Sealed) -> dict[str, str]:
    """`Sealed` as a line of a segment has it."""
    return {"keys": sealed.keys, "encrypted": base64.b64encode(sealed.content).decode()}


def note_text(place: object) -> bytes:
    """What stands in `NOTE`."""
    return _text({"keys": str(place)})


def _text(content: Mapping[str, object]) -> bytes:
    return json.dumps({"format": FORMAT, **content}, indent=1).encode()


def _aes() -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        how = "pip install 'headwater[aws]', or in a clone pip install '.[aws]'"
        raise NotInstalled(f"cryptography is not installed, which encrypts bodies: {how}") from None
    return AESGCM
