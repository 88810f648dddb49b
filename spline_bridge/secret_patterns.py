"""How secrets look: the names that they go by and the shapes that they have inside a text. Tables, and what reads them.

The sender's own filters come first (Spark's `spark.redaction.regex`, the Spline agent's `dsPasswordReplace`); this is
for what they let through. In doubt a text loses more than the secret: `password=` takes all up to `&`, `;` or a space.
Every pattern takes time linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

MASK = "*****"
"""What stands in place of a secret: as the Spline agent masks."""

Cleaned = tuple[str, tuple[str, ...]]
"""What is left of a text, and the kinds of what was removed from it."""

_PASSES = 8
_ERROR_CHARACTERS = 1_000


class _Name(NamedTuple):
    """A kind of secret and the words that name it: a key is split into lower-case words, joined by spaces."""

    kind: str
    words: re.Pattern[str]


def _name(kind: str, words: str) -> _Name:
    return _Name(kind, re.compile(words))


_NAMES = (
    # dbPassword, sfPassword, keystore_password, ssl.key.password, es.net.http.auth.pass, PWD
    _name("password", r"(?:password|passwd|passphrase)s?\b|\b(?:pwd|pass)\b"),
    # fs.s3a.access.key, AWSAccessKeyId, fs.azure.account.key.<account>, apiKey, pem_private_key, fs.s3a.encryption.key
    _name(
        "key", r"(?:access|account|api|encryption|master|private|secret|shared|signing|storage|subscription) ?keys?\b"
    ),
    # fs.azure.account.oauth2.client.secret.<account>; not secretId, secretArn, secretName: they only refer to one
    _name("secret", r"\bclient ?secret\b|secrets?\b(?! (?:arn|id|manager|name|provider|scope|version)s?$)"),
    # authToken, session_token, X-Amz-Security-Token, fs.azure.sas.<container>.<account>; not maxTokens, tokenUrl
    _name("token", r"token$|\bfs azure sas\b|\b(?:authorization|bearer|cookie|jwt)$"),
    _name("signature", r"(?:signature|\bsig)$"),
    # X-Amz-Credential, credentials; not fs.s3a.aws.credentials.provider
    _name("credentials", r"\bcredentials?$"),
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

# An option such as forward_spark_s3_credentials says whether, not what.
_SWITCHES = frozenset({"", "true", "false", "none", "null"})


@lru_cache(maxsize=4096)
def secret_name(key: str) -> str | None:
    """The kind of secret that a key, an option or a URL parameter of this name holds, or None."""
    words = " ".join(_WORDS.findall(key[-200:])).lower()
    return next((name.kind for name in _NAMES if name.words.search(words)), None)


def is_masked(value: str) -> bool:
    """Whether what stands under a secret's name is no secret: masked already, empty, or a switch."""
    return not value.strip("*") or value.lower() in _SWITCHES


class _Shape(NamedTuple):
    """A secret by its looks. `replace` gives what stands there afterwards, `kind` names what it was."""

    kind: str
    pattern: re.Pattern[str]
    replace: Callable[[re.Match[str]], str]

    def clean(self, text: str, kinds: dict[str, None]) -> str:
        """The text without it; its kind is added to `kinds`."""

        def replaced(match: re.Match[str]) -> str:
            new = self.replace(match)
            if new != match.group():
                kinds[self.kind] = None
            return new

        return self.pattern.sub(replaced, text)


class _Named(NamedTuple):
    """A secret by its name: `name` matches up to the value, `value` from there on."""

    name: re.Pattern[str]
    value: re.Pattern[str]

    def clean(self, text: str, kinds: dict[str, None]) -> str:
        """The text without such values. Only a secret's value is passed over, so what is nested in others is found."""
        kept: list[str] = []
        done = 0
        for match in self.name.finditer(text):
            kind = secret_name(match["name"]) if match.start() >= done else None
            value = self.value.match(text, match.end()) if kind is not None else None
            if kind is None or value is None or is_masked(value.group().strip("\\\"'{}")):
                continue
            quote = '"' if value.group().startswith('"') else ""
            kept += (text[done : match.end()], quote, MASK, quote)
            done = value.end()
            kinds[kind] = None
        return "".join((*kept, text[done:]))


def _shape(kind: str, pattern: str, replace: Callable[[re.Match[str]], str]) -> _Shape:
    return _Shape(kind, re.compile(pattern, re.IGNORECASE), replace)


def _named(name: str, value: str) -> _Named:
    return _Named(re.compile(name, re.IGNORECASE), re.compile(value))


def _mask(match: re.Match[str]) -> str:
    return MASK


def _keep_before(match: re.Match[str]) -> str:
    return match["before"]


def _mask_rest(match: re.Match[str]) -> str:
    return f"{match['before']}{MASK}"


def _drop_if_signed(match: re.Match[str]) -> str:
    return "" if _SIGNED.search(match.group()) else match.group()


_SIGNED = re.compile(r"[?&](?:X-Amz-Signature|X-Goog-Signature|Signature|sig)=", re.IGNORECASE)

_WHOLES = (
    _shape(
        "private key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----[\s\S]*?(?:-----END [^-]{0,80}-----|\Z)",
        _mask,
    ),
    _shape("pickled function", r"(?P<before>PythonFunction\()[\s\S]*", _mask_rest),
    # A signed URL is signed by the parameters of its query: all of it goes. S3, Google Cloud Storage, CloudFront, Azure
    _shape("signed query string", r"\?[^\s\"'?]*", _drop_if_signed),
)
_PARTS = (
    # scheme://user:password@host; but abfss://container@account is where the data lies
    _shape("user info", r"(?P<before>(?<!abfs)(?<!abfss)(?<!wasb)(?<!wasbs)://)[^/?#\s\"'<>]*@", _keep_before),
    # s3a://key:secret/with/slashes@bucket; but hdfs://host:8020/a@b has a port there
    _shape(
        "user info",
        r"(?P<before>://)[^/?#\s:@\"'\[;,=]{1,256}:(?!\d{1,5}(?:[/?#,;:\s]|$))[^\s@\"']{0,512}@",
        _keep_before,
    ),
    _shape("user info", r"(?P<before>jdbc:oracle:(?:thin|oci8?):)[^\s\"']{1,512}(?=@)", _keep_before),
    _shape("token", r"(?P<before>\bbearer\s+)[^\s\"']{16,}", _mask_rest),
    _shape("token", r"(?<![\w\-])eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*", _mask),
    _shape("key", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b", _mask),
)

# /token=1/ in a path: a partition folder, whose value ends with the folder.
_FOLDER = _named(r"(?<=/)(?P<name>[\w.\-]{1,80})=", r"[^/?#&;\s]+")

# {"password": "..."} as text, also where its quotes are escaped.
_JSON = _named(
    r"(?P<quote>\\*[\"'])(?P<name>[\w.\-]{1,80})(?P=quote)\s*:\s*",
    r"\\*\"(?:\\.|[^\"\\])*\"?|'[^']*'?|[\w.+/=\-]+",
)

_QUOTED = r"\"(?:\\.|[^\"\\])*\"|'[^']*'|\{[^}]{0,512}\}"  #: braces: SQL Server
_PARAMETER = r"(?<![\w.\-/])(?P<name>[\w.\-]{1,80})(?:=|%3D)"

# password=... in prose, and in a URL, where the value may hold spaces.
_IN_TEXT = _named(_PARAMETER, rf"(?:{_QUOTED})[^&;\s,)\]]*|[^&;\s]+")
_IN_URL = _named(_PARAMETER, rf"(?:{_QUOTED})[^&;]*|[^&;]+")

# "Invalid secret key: ..." is how error messages say it.
_IN_ERROR = _named(r"(?P<name>[\w.\- ]{1,80})\s?[=:]\s*", r"\S+")

_Rule = _Shape | _Named

# Parameters before user info: in jdbc:sqlserver://h;password=a@b what stands before the @ is no user.
_TEXT_RULES: tuple[_Rule, ...] = (*_WHOLES, _IN_TEXT, *_PARTS, _FOLDER, _JSON)
_URL_RULES: tuple[_Rule, ...] = (*_WHOLES, _IN_URL, *_PARTS, _FOLDER, _JSON)
_ERROR_RULES: tuple[_Rule, ...] = (*_TEXT_RULES, _IN_ERROR)

_URL = re.compile(r"\s*(?:jdbc:|[a-z][a-z0-9+.\-]{0,30}://)", re.IGNORECASE)

# Two sieves before the shapes, since nearly all texts are harmless: what a shape cannot be without, then more exactly.
_NEEDLES = ("=", "@", '"', "'", "%3D", "%3d", "-----BEGIN", "PythonFunction(", "earer", "EARER", "eyJ", "AKIA", "ASIA")
_SUSPICIOUS = re.compile(r"\w=|%3D|@|-----BEGIN|PythonFunction\(|bearer\s|eyJ|AKIA|ASIA|[\"']\s*:", re.IGNORECASE)


def clean_texts(texts: Iterable[str]) -> dict[str, Cleaned]:
    """The texts that hold a secret: each with what is left of it and the kinds of what was removed."""
    known = list(texts)
    together = "\n".join(known)
    needles = [needle for needle in _NEEDLES if needle in together]
    suspicious = {text for needle in needles for text in known if needle in text}
    cleaned = {text: clean_text(text) for text in suspicious}
    return {text: result for text, result in cleaned.items() if result[1]}


def clean_text(text: str) -> Cleaned:
    """The text without the secrets in it, and their kinds."""
    if _SUSPICIOUS.search(text) is None:
        return text, ()
    return _cleaned(text, _URL_RULES if _URL.match(text) else _TEXT_RULES)


def clean_error(text: str) -> Cleaned:
    """An error's first line (its class and message) of at most 2,000 characters, without the secrets in it."""
    line = next((stripped for part in text[:100_000].splitlines() if (stripped := part.strip())), "")
    # What is left alone is twice what is cut to: masks can make a line longer, and doing it twice must change nothing.
    short = line if len(line) <= 2 * _ERROR_CHARACTERS else line[:_ERROR_CHARACTERS] + "\u2026"
    cleaned, kinds = _cleaned(short, _ERROR_RULES)
    return cleaned.strip(), kinds if short == text else ("stack trace", *kinds)


def _cleaned(text: str, rules: Iterable[_Rule]) -> Cleaned:
    """All rules in turn until nothing changes: what one leaves may be another's (`a://b@c:x/y@z`)."""
    kinds: dict[str, None] = {}
    for _ in range(_PASSES):
        before = text
        for rule in rules:
            text = rule.clean(text, kinds)
        if text == before:
            return text, tuple(kinds)
    return MASK, tuple(kinds)  # still changing: made to be so, and not worth keeping
