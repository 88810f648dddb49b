"""How secrets look: the names that they go by and the shapes that they have in a text. The one table of both.

Used by redaction before the ledger, by the masking of Glue's arguments, of statements and of logs, and by the Spark
agent, which ships this file: the standard library alone. Not here: which parts of a document are looked at (`redact`).

The sender's own filters come first (Spark's `spark.redaction.regex`, the Spline agent's `dsPasswordReplace`); this is
for what they let through. In doubt a text loses more than the secret: `password=` takes all up to `&`, `;` or a space.

Every function takes time linear in the text, whatever the text is. So no expression here has two repetitions without a
bound that can match the same text, and none that begins with one starts in the middle of what it repeats.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import NamedTuple

MASK = "*****"
"""What stands in place of a secret: as the Spline agent masks."""

Cleaned = tuple[str, tuple[str, ...]]
"""What is left of a text, and the kinds of what was removed from it."""

_PASSES = 8
_ERROR_CHARACTERS = 1_000


# ---- names


class _Name(NamedTuple):
    """A kind of secret and the words that name it: a key is split into lower-case words, joined by spaces."""

    kind: str
    words: re.Pattern[str]


def _name(kind: str, words: str) -> _Name:
    return _Name(kind, re.compile(words))


_NAMES = (
    # dbPassword, passWord, keystore_password, DBPWD, ssl.key.password, es.net.http.auth.pass, PWD
    _name(
        "password",
        r"(?:pass ?word|passwd|pass ?phrase|pass ?code|passwort|kennwort|mot ?de ?passe|contrasena|senha|wachtwoord"
        r"|haslo|losenord|пароль|密码|密碼|パスワード)s?\b"
        r"|\b(?:db|user|root|admin|my|pg|sql|sf|ora|td|ldap|smtp|ftp)?pwd\b|\bp(?:w|sw|swd|sswd)\b"
        r"|(?:\b|user|root|admin|db|key|store|trust)pass$|\bidentified\b.* (?:by|as)\b",
    ),
    # fs.s3a.access.key, AWSAccessKeyId, fs.azure.account.key.<account>, apiKey, pem_private_key, fs.s3a.encryption.key
    _name(
        "key",
        r"(?:access|account|aes|api|auth|cipher|crypto|decryption|encryption|hmac|key ?store|licen[cs]e|master|private"
        r"|pvt|rsa|secret|sentry|shared|signing|ssh|storage|subscription|symmetric) ?keys?\b",
    ),
    # fs.azure.account.oauth2.client.secret.<account>; not secretId: it only refers to one
    _name("secret", r"\bclient ?secret\b|secrets?\b(?! (?:arn|id|manager|name|provider|scope|version)s?$)"),
    # authToken, session_token, X-Amz-Security-Token, fs.azure.sas.<container>.<account>; not maxTokens, tokenUrl
    _name("token", r"token$|\bfs azure sas\b|\bsas$|\b(?:authorization|bearer|cookie|jwt|jsessionid|phpsessid)$"),
    _name("signature", r"(?:signature|\bsig)$"),
    # X-Amz-Credential, credentials, basic.auth.user.info of Kafka; not fs.s3a.aws.credentials.provider
    _name("credentials", r"\bcredentials?$|\bauth user info$"),
)

#: Last words of names that say something about a secret, and do not hold one: password_changed_at, private_key_path.
_ABOUT = frozenset(
    "age algorithm arn at attempts changed class column count counts created date days enabled encoding"  # noqa: SIM905
    " expiration expired expires expiry field file format hint index interval len length level limit location"
    " manager mode name names path paths policies policy provider rate rates ratio required reset resets"
    " rotation rule rules scheme scope size status strategy strength time timestamp ttl type updated uri url"
    " usage valid version".split()
)

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")

# An option such as forward_spark_s3_credentials says whether, not what.
_SWITCHES = frozenset({"", "true", "false", "none", "null"})

#: Names that are also ordinary words: "unexpected token: EOF", the partition token=monthly.
_ORDINARY_WORDS = frozenset({"token", "signature", "credential", "credentials"})
_LONGEST_WORD = 12  #: letters of a value that is taken for an ordinary word


#: Members of an object that hold a name, and what it is the name of: {"name": "DB_PASSWORD", "value": "x"}.
NAMING = (
    "name",
    "Name",
    "key",
    "Key",
    "ParameterName",
    "ParameterKey",
    "option",
    "property",
    "variable",
    "header",
    "k",
    "_1",
)
NAMED = ("value", "Value", "ParameterValue", "val", "content", "stringValue", "defaultValue", "default", "v", "_2")
_LONGEST_NAME = 200

_FLAG = re.compile(r"--?([A-Za-z_][\w.\-]{0,79})")


def flag_name(text: str) -> str | None:
    """The kind of secret that follows as an argument of its own, after one such as ``--password``; or None."""
    found = _FLAG.fullmatch(text)
    return secret_name(found[1]) if found else None


_SETTING = re.compile(r"(?:spark|fs|javax|hive|hadoop|hoodie|kafka|sasl|ssl)\.[\w.\-]{1,150}")


def option_name(text: str) -> str | None:
    """The kind of secret that a setting of Spark or Hadoop holds; None for other names: columns can have them."""
    return secret_name(text) if _SETTING.fullmatch(text) else None


def holds_a_name(texts: Iterable[str]) -> bool:
    """Whether one of these texts is as a whole the name of a secret, or an argument that announces one."""
    return any(secret_name(text) for text in _holding([t for t in texts if len(t) <= _LONGEST_NAME], _NAME_NEEDS))


def is_ordinary(name: str, value: object) -> bool:
    """Whether a value under that name is an ordinary word: {"key": "token", "value": "monthly"}."""
    words = _WORDS.findall(name)
    return isinstance(value, str) and bool(words) and _is_word(words[-1], value)


@lru_cache(maxsize=4096)
def secret_name(key: str) -> str | None:
    """The kind of secret that a key, an option or a URL parameter of this name holds, or None."""
    key = key[-200:]
    for spelling in (key,) if _is_plain(key) else (key, plain(key)):
        text = " ".join(_WORDS.findall(spelling)).lower()
        if text and text.rpartition(" ")[2] not in _ABOUT:
            kind = next((name.kind for name in _NAMES if name.words.search(text)), None)
            if kind is not None:
                return kind
    return None


def is_masked(value: str) -> bool:
    """Whether what stands under a secret's name is no secret: masked already, empty, or a switch."""
    return not value.strip("*") or value.lower() in _SWITCHES


def _is_word(name: str, value: str) -> bool:
    """Whether a value in a text is an ordinary word under a name that is one, too."""
    return (
        name.rpartition(" ")[2].lower() in _ORDINARY_WORDS
        and len(value) <= _LONGEST_WORD
        and value.strip(".,:;!?()").isalpha()
    )


# ---- other spellings of a text


#: Characters that are not seen, and surrogates: they part a name for a program, and not for people.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u2800\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
#: Letters of other alphabets that look like Latin ones.
_ALIKE = str.maketrans(
    "асԁеһіјӏорԛѕԝхуАВЕНІЈКМОРЅТХУαικνορτυχΑΒΕΗΙΚΜΝΟΡΤΥΧłøı→", "acdehijlopqswxyABEHIJKMOPSTXYaiknoptuxABEHIKMNOPTYXloi="
)
#: Letters as URLs, JSON, programs, HTML and XML write them when they have to.
_ESCAPED = re.compile(
    r"%(?P<url>[2-7][0-9A-Fa-f])|\\{1,4}(?:u00|x)(?P<json>[2-7][0-9A-Fa-f])"
    r"|&#(?:x0{0,4}(?P<hex>[2-7][0-9A-Fa-f])|0{0,4}(?P<number>[0-9]{2,3}));|&(?P<entity>quot|apos|equals|colon|amp|lt|gt);"
)
_ENTITIES = {"quot": '"', "apos": "'", "equals": "=", "colon": ":", "amp": "&", "lt": "<", "gt": ">"}
_MARKED = "%\\&"  #: one of these is in all that `_ESCAPED` finds


def _is_plain(text: str) -> bool:
    """Whether there is certainly no other spelling of the text than this one."""
    return text.isascii() and text.isprintable() and not any(mark in text for mark in _MARKED)


def plain(text: str) -> str:
    """The text as people read it: nothing unseen or escaped, no accents, Latin letters in place of those alike."""
    if not text.isascii() or _UNSEEN.search(text):
        decomposed = unicodedata.normalize("NFKD", _UNSEEN.sub("", text))
        text = "".join(c for c in decomposed if not unicodedata.combining(c)).translate(_ALIKE)
    return _ESCAPED.sub(_unescaped, text)


def _unescaped(match: re.Match[str]) -> str:
    if match["entity"]:
        return _ENTITIES[match["entity"]]
    code = int(match["number"]) if match["number"] else int(match["url"] or match["json"] or match["hex"], 16)
    return chr(code) if _FIRST_PRINTED <= code <= _LAST_PRINTED else match.group()


_FIRST_PRINTED, _LAST_PRINTED = 0x21, 0x7E


# ---- values in a text, by the name before them


#: The text from its beginning up to a quote that no backslash precedes; in SQL a doubled quote stands for one.
_QUOTED = {
    '"': re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL),
    "'": re.compile(r"[^'\\]*(?:(?:\\.|'')[^'\\]*)*", re.DOTALL),
    "`": re.compile(r"[^`\\]*(?:\\.[^`\\]*)*", re.DOTALL),
}
_OPENING = re.compile(r"(\\{0,16})([\"'`])")
_BRACES = re.compile(r"\{[^}]{0,512}\}")  #: SQL Server
_TAIL = re.compile(r"[^&;\s,)\]}\"'`<>\\]*")  #: what follows a closing quote and still belongs to the value
_BARE = re.compile(r"[^&;\s]+")
_BARE_WITH_SCHEME = re.compile(
    r"(?:(?:api-?key|basic|bearer|digest|negotiate|ntlm|token)\s{1,3})?[^&;\s]+", re.IGNORECASE
)
_BARE_IN_JSON = re.compile(r"[\w.+/=\-]+")
_BARE_IN_URL = re.compile(r"[^&;]+")  #: it may hold spaces
_BARE_IN_PATH = re.compile(r"[^/?#&;\s]+")
_BARE_IN_LINE = re.compile(r"[^\r\n\"'\\]+")
_BARE_IN_YAML = re.compile(r"[^\r\n]+")
_BARE_IN_FLOW = re.compile(r"[^\s,;&}\])\"'<>\\]+")
_BARE_IN_XML = re.compile(r"[^<]+")
_BARE_IN_TUPLE = re.compile(r"[^\s,()]+")


def _value(text: str, at: int, bare: re.Pattern[str]) -> tuple[int, int] | None:
    """Where the value that begins at `at` stands, without its quotes; None if there is none. Open quotes never end."""
    opening = _OPENING.match(text, at) if bare is not _BARE_IN_PATH and bare is not _BARE_IN_XML else None
    if opening:
        start, quote = opening.end(), opening.group()
        if opening[1]:  # JSON in JSON: the quotes are escaped as often at the end
            end = text.find(quote, start)
            return start, len(text) if end < 0 else end
        if text.startswith(quote * 2, start):  # three of them, as in Python
            end = text.find(quote * 3, start + 2)
            return start + 2, len(text) if end < 0 else end
        found = _QUOTED[quote].match(text, start)
        end = found.end() if found else start
        tail = _TAIL.match(text, end + 1)
        closed = end < len(text)
        return (start, tail.end()) if closed and tail and tail.end() > end + 1 else (start, end)
    braces = _BRACES.match(text, at) if bare is not _BARE_IN_XML else None
    found = braces or bare.match(text, at)
    return found.span() if found else None


#: After a colon stands a column's type as well: struct<token:string>.
_TYPE = re.compile(
    r"\s?(?:string|text|n?varchar2?|n?char|bpchar|super|tinyint|smallint|integer|int|bigint|long|short|byte|bytes|float|double"
    r"|real|decimal|numeric|number|boolean|bool|binary|varbinary|blob|clob|date|datetime|time|timestamp\w{0,10}|interval"
    r"|array|map|struct|record|row|variant|uuid|json)(?:type)?(?:\s?[(<\[,].*|\s*)",
    re.IGNORECASE | re.DOTALL,
)


class _Named(NamedTuple):
    """A secret by its name: `name` matches up to the value and has a group ``name``; `bare` is a value in no quotes."""

    name: re.Pattern[str]
    bare: re.Pattern[str]

    def needed(self, look: _Look) -> bool:
        """Whether the text can hold such a value: a name, and a character that parts it from the value."""
        return look.names

    def clean(self, text: str, kinds: dict[str, None]) -> str:
        """The text without such values. Only a secret's value is passed over, so what is nested in others is found."""
        kept: list[str] = []
        done = 0
        sql = _Outside(text)
        for match in self.name.finditer(text):
            kind = secret_name(match["name"]) if match.start() >= done else None
            span = _value(text, match.end(), _bare_of(match["name"], self.bare)) if kind is not None else None
            if kind is None or span is None:
                continue
            value = text[span[0] : span[1]]
            refers = (
                self.bare is _BARE
                and span[0] == match.end()
                and (_refers(match["name"], value) or (_IN_SQL.match(value) is not None and sql.at(match.start())))
            )
            if refers or is_masked(value.strip("\\\"'{}`")) or _is_word(match["name"], value) or self._is_type(value):
                continue
            kept += (text[done : span[0]], MASK)
            done = span[1]
            kinds[kind] = None
        return "".join((*kept, text[done:])) if kept else text

    def _is_type(self, value: str) -> bool:
        return self.bare in (_BARE_IN_YAML, _BARE_IN_FLOW) and _TYPE.fullmatch(value) is not None


#: What stands for a value that is told elsewhere: ``${DB_PASSWORD}``, ``{{ var('x') }}``, a statement's parameters.
_ELSEWHERE = re.compile(r"(?:\$\{[\w.:\-]{1,80}\}|\{\{.*|\?|\$[0-9]{1,3}|%s|%\(\w{1,40}\)s)[,)\]\"']{0,4}", re.DOTALL)
_COLUMN = re.compile(r"[A-Za-z_]\w{0,80}(?:\.[A-Za-z_]\w{0,80}){1,3}")
#: Outside of quotes SQL has no texts: names of columns, functions, queries.
_IN_SQL = re.compile(r"\(|[A-Za-z_][\w.]{0,160}(?:[,()]|\Z)")
_STATEMENT = re.compile(
    r"\s{0,80}(?:select\b|with\s{1,9}\w{1,80}\s{1,9}as\s{0,9}\(|insert\s{1,9}(?:into|overwrite)\b|delete\s{1,9}from\b"
    r"|merge\s{1,9}into\b|update\s{1,9}\S{1,200}\s{1,9}(?:(?:as\s{1,9})?\w{1,80}\s{1,9})?set\b)",
    re.IGNORECASE,
)


def _refers(name: str, value: str) -> bool:
    """Whether a value only says where another one is: ``a.token = b.token``, ``password = ${PASSWORD}``."""
    if _ELSEWHERE.fullmatch(value):
        return True
    value = value.rstrip(",)]")
    same = value.rpartition(".")[2].lower() == name.rstrip().rpartition(".")[2].lower()
    return same and _COLUMN.fullmatch(value) is not None


class _Outside:
    """Where a text is SQL that reads or changes data, and no text in it: there a value without quotes is no text.

    Asked for places one after the other. In comments anything can stand, so a text with comments is none.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._looked = 0
        self._open = {"'": 0, '"': 0}  #: whether such a quote is open where it was looked last

    def at(self, place: int) -> bool:
        """Whether the place is such a one."""
        if not self._is_statement:
            return False
        for mark in self._open:
            self._open[mark] ^= self._text.count(mark, self._looked, place) % 2
        self._looked = place
        return not any(self._open.values())

    @cached_property
    def _is_statement(self) -> bool:
        return _STATEMENT.match(self._text) is not None and not any(mark in self._text for mark in ("--", "/*", "#"))


def _bare_of(name: str, bare: re.Pattern[str]) -> re.Pattern[str]:
    """A header's value has blanks in it: ``Authorization: Basic ...``, ``Cookie: a=b; c=d``."""
    if bare is _BARE_IN_JSON and name.lower().endswith(("authorization", "cookie")):
        return _BARE_IN_LINE
    return _BARE_WITH_SCHEME if bare is _BARE and name.lower().endswith("authorization") else bare


def _named(name: str, bare: re.Pattern[str]) -> _Named:
    return _Named(re.compile(name, re.IGNORECASE), bare)


_WORD = r"(?P<name>[\w.\-]{1,80})"
_OPTION = r"(?P<name>[A-Za-z_][\w.\-]{0,79})"
_BEGINS = r"(?<![\w.\-/])"  #: not inside a word, so that a long word is looked at once; a folder has a rule of its own
_EQUALS = r"(?:%3D|\s{0,3}(?:=>|[:?]=|->|={1,3})\s{0,3})"
_CLOSES = r"(?:\[[0-9]{0,3}\]|\])?\\{0,16}[\"'`]?\]?"  #: also password[]=, user[password]=, env['PASSWORD'] =

# password=..., password = "...", password => '...', "password"="..."
_IN_TEXT = _named(rf"{_BEGINS}{_WORD}{_CLOSES}{_EQUALS}", _BARE)
_IN_URL = _named(rf"{_BEGINS}{_WORD}(?:\[\]|\])?(?:=|%3D)", _BARE_IN_URL)
# {"password": "..."} as text, also where its quotes are escaped.
_JSON = _named(
    r"(?<!\\)(?P<quote>\\{0,16}[\"'`])(?P<name>[\w.\-]{1,80})(?P=quote)\s{0,3}(?::|->)\s{0,3}(?:\[\s{0,3}(?=\\{0,16}[\"'`]))?",
    _BARE_IN_JSON,
)
#: What stands behind the word in SQL, and is no password.
_NOT_THE_VALUE = (
    r"(?!\(|(?:policy|reset|reuse|require|required|expire|expires|history|lifetime|lock_time|verifier|disable|null|default"
    r"|is|and|or|not|in|must|can|cannot|for|to|of|as|field|column|hash|protected|string|text|n?varchar2?|n?char)\b)"
)
_NAME_VALUE = (
    # YAML, properties, headers: a name that begins a line, and the value is the line
    _named(
        rf"(?:\A|[\r\n])[ \t]{{0,16}}(?:- )?{_OPTION}[ \t]{{0,3}}:[ \t]{{1,3}}(?:(?:basic|bearer)[ \t])?(?![|>{{\[\s])",
        _BARE_IN_YAML,
    ),
    # the same as an item; {password:x}
    _named(
        rf"(?:\A|[\s{{\[(,;\"'])(?:- )?{_OPTION}(?:[ \t]{{0,3}}:[ \t]{{1,3}}|:)(?:(?:basic|bearer)[ \t])?(?![|>:/])",
        _BARE_IN_FLOW,
    ),
    # --password x, -Dpassword=x, --password, x
    _named(rf"(?<![\w\-])--?{_OPTION}(?:\s{{1,3}}|[\"'],?\s{{1,3}})(?!-)", _BARE),
    # identified by x; password 'x'
    _named(
        r"\b(?P<name>identified(?:\s{1,3}with\s{1,3}\S{1,60})?\s{1,3}(?:by|as))(?:\s{1,3}(?:values|password))?\s{1,3}",
        _BARE,
    ),
    # create user u password x; alter role u with superuser login password x; username u password x
    _named(
        r"\b(?:user(?:name)?|role|login)\s{1,3}(?:if\s{1,3}(?:not\s{1,3})?exists\s{1,3})?[^\s,]{1,80}\s{1,3}"
        r"(?:(?:with|set|reset|encrypted|(?:no)?(?:superuser|createdb|createrole|inherit|login|replication|bypassrls))"
        rf"\s{{1,3}}){{0,9}}(?P<name>password)\s{{1,3}}{_NOT_THE_VALUE}",
        _BARE,
    ),
    # a line of a script for a router, a proxy, ...
    _named(
        r"(?:\A|[\r\n])[ \t]{0,16}(?P<name>password|passwd|passphrase)[ \t]{1,4}"
        r"(?=\S{0,60}[0-9])(?=\S{0,60}[A-Za-z])(?=\S{6,80}[ \t]{0,4}(?:[\r\n]|\Z))"
        r"(?!\w{1,30}\(|(?:sha|md|base|utf|bcrypt|argon|pbkdf|scrypt|aes|crc|type|v|level|column|field|c|col)[_\-]?[0-9])",
        _BARE,
    ),
    # setenv PGPASSWORD x; aws configure set aws_secret_access_key x
    _named(
        r"(?:\b(?:setenv|configure set)|(?:\A|[\r\n])[ \t]{0,16}env)\s{1,3}(?P<name>[\w.\-]{1,80})\s{1,3}(?!=)", _BARE
    ),
    # password <> 'x', api_key not in ('x'
    _named(
        rf"{_BEGINS}{_WORD}{_CLOSES}\s{{0,3}}(?:<=>|<>|!=|(?:(?<=\s)not\s{{1,3}})?(?<=\s)(?:in|between)\b"
        r"\s{0,3}\(?)\s{0,3}[ENU]?(?=[\"'])",
        _BARE,
    ),
    # variable "db_password" { default = "x" }
    _named(r"\bvariable\s{1,3}\"(?P<name>[\w.\-]{1,80})\"\s{0,3}\{[^{}]{0,300}?\bdefault\s{0,20}=\s{0,3}(?=\")", _BARE),
    # set password for u = password('x'), setPassword("x"), builder.withSecretKey("x")
    _named(
        r"(?<![\w\-])(?P<name>(?:old|set|with)?_?(?:password|passphrase|secret_?key|client_?secret|api_?key|(?:access|auth)_?token))"
        r"\(\s{0,3}(?=[\"'])",
        _BARE_IN_JSON,
    ),
    _named(r"\bset\s{1,3}(?P<name>password)\s{1,3}for\s{1,3}[^=;]{1,100}=\s{0,3}(?=[\"'])", _BARE),
    # /password:x, as programs of Windows take it
    _named(r"(?:\A|[\s\"'])/(?P<name>password|passwd|pwd|pass|token|secret):(?=[^\s/])", _BARE),
    # map('user', 'a', 'password', 'x')
    _named(
        r"\b(?:map|named_struct)\((?:[^()]{1,300}?,\s{0,3})?(?P<quote>[\"'])"
        r"(?P<name>[\w.\-]{0,40}(?:passw|secret|token|key)[\w.\-]{0,20})(?P=quote)\s{0,3},\s{0,3}(?=[\"'])",
        _BARE_IN_JSON,
    ),
    # access_key_id 'a' secret_access_key 'x' session_token 'y', of COPY and CREATE SECRET
    _named(
        r"(?<![\w.\-])(?P<name>[\w.\-]{0,60}_(?:key|key_id|token|secret)|(?<=[(,]\s)secret|(?<=[(,])secret)\s{1,3}(?=')",
        _BARE,
    ),
    # the password was 'x'
    _named(r"\b(?P<name>password|passphrase|passcode)\s{1,3}(?:is|was)\s{0,3}:?\s{0,3}(?=[\"'])", _BARE),
    _named(
        r"(?<![\w.\-])(?P<name>[\w.\-]{0,60}(?:password|passwd|passphrase|pwd))[\"'`]?\s{1,3}(?:[ENU]&?)?(?=[\"'])",
        _BARE,
    ),
    # password: |, and the value on the next line
    _named(rf"(?<![\w.\-]){_OPTION}[ \t]{{0,3}}:[ \t]{{1,3}}[|>][+\-]?[ \t]{{0,3}}\r?\n[ \t]{{1,16}}", _BARE_IN_LINE),
    # the same without the sign, also as an item
    _named(
        rf"(?:\A|[\r\n])[ \t]{{0,16}}{_OPTION}[ \t]{{0,3}}:[ \t]{{0,3}}\r?\n[ \t]{{1,16}}(?:- )?"
        r"(?![\w.\-]{1,80}[ \t]{0,3}:)",
        _BARE_IN_LINE,
    ),
    # spark.hadoop.fs.s3a.secret.key   x, as in spark-defaults.conf; but a word of SQL is shorter
    _named(r"(?<![\w.\-/])(?P<name>[a-z]\w{0,30}(?:\.[\w\-]{1,60}){2,9})[ \t]{1,16}(?=[\w+/=\-]{16})", _BARE),
    _named(
        r"(?:\A|[\r\n])[ \t]{0,16}(?P<name>(?:spark|fs|javax|hive|hadoop|hoodie|ssl|sasl)(?:\.[\w\-]{1,60}){1,9})"
        r"[ \t]{1,40}(?=\S{1,2000}[ \t]{0,8}(?:[\r\n]|\Z))",
        _BARE_IN_LINE,
    ),
    # List((user,a), (password,x)), as Scala prints options; a list of columns has nothing but letters
    _named(r"(?<![\w\])`])\((?P<name>[\w.\-]{1,80}),(?=[A-Z_]{0,255}[^A-Z_\s,()])", _BARE_IN_TUPLE),
    # .option("password", "x"), conf.set('password', 'x')
    _named(
        r"\b(?:option|options|config|conf|set|put|property|setProperty|setdefault|putenv|(?:add|set)?header)\(\s{0,3}(?P<quote>\\{0,16}[\"'])"
        r"(?P<name>[\w.\-]{1,80})(?P=quote)\s{0,3},\s{0,3}",
        _BARE_IN_JSON,
    ),
    # <password>x</password>, <name>fs.s3a.secret.key</name><value>x</value>, key="password" value="x"
    _named(r"<(?P<name>[\w.:\-]{1,80})(?:\s[^<>]{0,200})?>(?!\s{0,20}<)", _BARE_IN_XML),
    _named(
        r"<\w{1,40}\s{1,20}(?:key|name)=(?P<quote>[\"'])(?P<name>[\w.\-]{1,80})(?P=quote)[^<>]{0,200}>(?!\s{0,20}<)",
        _BARE_IN_XML,
    ),
    _named(r"<(?P<name>[\w.:\-]{1,80})\s[^<>]{0,200}?\bvalue=(?=[\"'])", _BARE_IN_JSON),
    _named(r"<name>\s{0,20}(?P<name>[\w.\-]{1,120})\s{0,20}</name>\s{0,20}<value>", _BARE_IN_XML),
    _named(r"<(?P<name>[\w.:\-]{1,80})(?:\s[^<>]{0,200})?>\s{0,20}<!\[CDATA\[", re.compile(r"[^\]<]+")),
    # {"name": "DB_PASSWORD", "value": "x"}, the same on two lines of YAML, ParameterKey=DbPassword,ParameterValue=x
    _named(
        r"\b(?:parameter)?(?:key|name)(?P<quote>\\{0,16}[\"']?)\s{0,3}[:=]\s{0,3}\\{0,16}[\"']?(?P<name>[\w.\-]{1,80})\\{0,16}[\"']?"
        r",?\s{0,40}(?P=quote)(?:parameter)?value(?P=quote)\s{0,3}[:=]\s{0,3}",
        _BARE_IN_FLOW,
    ),
    _named(r"\b(?:key|name)=(?P<quote>[\"'])(?P<name>[\w.\-]{1,80})(?P=quote)\s{1,3}value=", _BARE_IN_JSON),
)
# /token=1/ in a path: a partition folder, whose value ends with the folder.
_FOLDER = _named(rf"(?<=/){_WORD}=", _BARE_IN_PATH)
# "Invalid secret key: ..." is how error messages say it.
_IN_ERROR = _named(r"(?<![\w.\-/])(?P<name>[\w.\-][\w.\- ]{0,79})\s?[=:]\s{0,3}", _BARE)


# ---- shapes


class _Shape(NamedTuple):
    """A secret by its looks. `replace` gives what stands there afterwards, `kind` names what it was.

    `needs` are literals in lower case, one of which is in each text that has the shape; none: a word of 40 characters.
    """

    kind: str
    pattern: re.Pattern[str]
    replace: Callable[[re.Match[str]], str]
    needs: tuple[str, ...]

    def needed(self, look: _Look) -> bool:
        """Whether the text can have this shape."""
        return _holds(look.lower, self.needs) if self.needs else look.long

    def clean(self, text: str, kinds: dict[str, None]) -> str:
        """The text without it; its kind is added to `kinds`."""

        def replaced(match: re.Match[str]) -> str:
            new = self.replace(match)
            if new != match.group():
                kinds[self.kind] = None
            return new

        return self.pattern.sub(replaced, text)


def _shape(
    kind: str, needs: str, pattern: str, replace: Callable[[re.Match[str]], str], flags: re.RegexFlag = re.IGNORECASE
) -> _Shape:
    """A row; `needs` are separated by blanks."""
    return _Shape(kind, re.compile(pattern, flags), replace, tuple(needs.split()))


def _mask(match: re.Match[str]) -> str:
    return MASK


def _keep_before(match: re.Match[str]) -> str:
    return match["before"]


def _mask_rest(match: re.Match[str]) -> str:
    return f"{match['before']}{MASK}"


def _drop_if_signed(match: re.Match[str]) -> str:
    return "" if _SIGNED.search(match.group()) else match.group()


def _mask_basic(match: re.Match[str]) -> str:
    """``Basic`` and what decodes to ``user:password``; "basic authentication" does not."""
    decoded = _decoded(match["value"])
    return _mask_rest(match) if b":" in decoded and decoded.isascii() else match.group()


def _mask_named_after(match: re.Match[str]) -> str:
    """A literal that gets the name of a secret; "select 'monthly' as token" is none."""
    harmless = (
        secret_name(match["name"]) is None or is_masked(match["value"]) or _is_word(match["name"], match["value"])
    )
    return match.group() if harmless else f"'{MASK}'{match['after']}"


def _mask_encoded_key(match: re.Match[str]) -> str:
    """Base64 of a private key, or of a service account that has one."""
    decoded = _decoded(match.group())
    return MASK if b"private_key" in decoded or b"PRIVATE KEY" in decoded else match.group()


def _mask_mixed(match: re.Match[str]) -> str:
    """40 characters of base64 are a secret key of AWS if their kinds change as often as chance makes them do."""
    text = match.group()
    kinds = [("A" <= c <= "Z", "a" <= c <= "z", c.isdigit()) for c in text]
    changes = sum(one != other for one, other in pairwise(kinds))
    chance = changes >= _CHANGES and all(any(kind) for kind in zip(*kinds, strict=True))
    return MASK if chance else text


_CHANGES = 17  #: of 39 neighbours: random text has 25, three of standard deviation; a path or CamelCase about 10


def _decoded(text: str) -> bytes:
    text = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4) if len(text) % 4 != 1 else text[:-1], validate=True)
    except (binascii.Error, ValueError):
        return b""


_SIGNED = re.compile(r"[?&](?:X-Amz-Signature|X-Goog-Signature|Signature|sig)=", re.IGNORECASE)

#: Secrets that begin as no other text does: the kind, a literal in it in lower case (several: separated by blanks), the
#: beginning, and what follows. From the providers' own pages.
_PREFIXED = (
    ("token", "hw_", r"hw_", r"[\w\-]{43}(?![\w\-])"),  # Headwater's own
    ("token", "gh", r"gh[pousr]_", r"[A-Za-z0-9]{30,255}"),  # GitHub
    ("token", "github_pat_", r"github_pat_", r"\w{22,255}"),
    ("token", "gl", r"gl(?:agent|cbt|dt|ft|imt|oas|pat|ptt|rt|soat)-", r"[\w\-]{20,255}"),  # GitLab
    ("token", "xox", r"xox[abceoprs]-", r"[\w\-]{10,255}"),  # Slack
    ("token", "xapp-", r"xapp-", r"[\w\-]{10,255}"),
    ("key", "k_live_ k_test_", r"[rs]k_(?:live|test)_", r"[A-Za-z0-9]{10,255}"),  # Stripe
    ("secret", "whsec_", r"whsec_", r"[\w+/=]{16,255}"),
    ("key", "sk-", r"sk-(?:proj-|svcacct-|admin-|ant-)?", r"[\w\-]{20,255}"),  # OpenAI, Anthropic
    ("token", "npm_", r"npm_", r"[A-Za-z0-9]{30,255}"),
    ("token", "pypi-", r"pypi-", r"[\w\-]{50,255}"),
    ("token", "hf_", r"hf_", r"[A-Za-z0-9]{30,255}"),  # Hugging Face
    ("token", "dapi dkea dose", r"(?:dapi|dkea|dose)", r"[0-9a-f]{32}(?:-[0-9])?"),  # Databricks
    ("key", "aiza", r"AIza", r"[\w\-]{35}"),  # Google Cloud
    ("token", "ya29.", r"ya29\.", r"[\w\-.]{20,2000}"),
    ("secret", "gocspx-", r"GOCSPX-", r"[\w\-]{20,255}"),
    ("token", "dckr_", r"dckr_[op]at_", r"[\w\-]{20,255}"),  # Docker
    ("token", "dbtc_ dbts_ dbtu_", r"dbt[csu]_", r"[\w\-=]{20,255}"),  # dbt
    ("token", "glsa_ glc_", r"gl(?:sa|c)_", r"[\w+/=]{20,400}"),  # Grafana
    ("key", "nrak-", r"NRAK-", r"[A-Z0-9]{27}"),  # New Relic
    ("token", "doo_v1_ dop_v1_ dor_v1_ dot_v1_", r"do[oprt]_v1_", r"[0-9a-f]{64}"),  # DigitalOcean
    ("token", "shpat_ shpca_ shppa_ shpss_", r"shp(?:at|ca|pa|ss)_", r"[0-9a-fA-F]{32}"),  # Shopify
    ("token", "sq0", r"sq0(?:atp|csp|idp)-", r"[\w\-]{22,60}"),  # Square
    ("token", "lin_api_", r"lin_api_", r"[A-Za-z0-9]{32,64}"),  # Linear
    ("token", "ntn_", r"ntn_", r"[A-Za-z0-9]{40,60}"),  # Notion
    ("token", "dp.", r"dp\.(?:audit|ct|pt|sa|scim|st)\.", r"[\w.\-]{40,100}"),  # Doppler
    ("token", ".atlasv1.", r"[A-Za-z0-9]{14}\.atlasv1\.", r"[\w\-=]{40,80}"),  # Terraform
    ("token", "atatt3 atctt3 atbb", r"(?:AT[AC]TT3|ATBB)", r"[\w\-=]{24,255}"),  # Atlassian
    ("key", "akcp", r"AKCp", r"[A-Za-z0-9]{60,100}"),  # Artifactory
    ("secret", "q~", r"[\w.~\-]{3}[0-9]Q~", r"[\w.~\-]{31,34}"),  # an application of Azure
    ("key", "key-", r"key-", r"[0-9a-f]{32}"),  # Mailgun
    ("key", "pmak-", r"PMAK-", r"[0-9a-f]{24}-[0-9a-f]{34}"),  # Postman
    ("token", "sntry", r"sntry[su]_", r"[\w+/=\-]{40,255}"),  # Sentry
    ("key", "pcsk_", r"pcsk_", r"\w{40,100}"),  # Pinecone
    ("key", "gsk_", r"gsk_", r"[A-Za-z0-9]{40,64}"),  # Groq
    ("token", ":aa", r"[0-9]{8,10}:AA", r"[\w\-]{33}"),  # a bot of Telegram
    ("private key", "age-secret-key-1", r"AGE-SECRET-KEY-1", r"[0-9A-Z]{58}"),
    ("token", "figd_", r"figd_", r"[\w\-]{36,60}"),  # Figma
    ("token", "pscale_", r"pscale_(?:oauth|pw|tkn)_", r"[\w.\-=]{32,64}"),  # PlanetScale
    ("token", "pul-", r"pul-", r"[0-9a-f]{40}"),  # Pulumi
    ("key", "hrku-", r"HRKU-", r"[\w\-]{36,70}"),  # Heroku
    ("token", "sbp_", r"sbp_", r"[0-9a-f]{40}"),  # Supabase
    ("key", "napi_", r"napi_", r"[A-Za-z0-9]{60,70}"),  # Neon
    ("password", "avns_", r"AVNS_", r"[\w\-]{16,40}"),  # Aiven
    ("secret", "mdb_sa_sk_", r"mdb_sa_sk_", r"[\w\-]{32,64}"),  # MongoDB Atlas
    ("secret", "cflt", r"cflt", r"[A-Za-z0-9+/]{56,64}"),  # Confluent
    ("token", "kgat_", r"KGAT_", r"[0-9a-f]{32}"),  # Kaggle
    ("key", "wandb_v1_", r"wandb_v1_", r"\w{40,100}"),  # Weights & Biases
    ("key", "absk", r"ABSK", r"[A-Za-z0-9+/]{100,180}={0,2}"),  # Amazon Bedrock
    ("key", "bedrock-api-key-", r"bedrock-api-key-", r"[\w+/=\-]{40,4000}"),
    ("token", "r8_", r"r8_", r"[A-Za-z0-9]{37}"),  # Replicate
    ("key", "pplx-", r"pplx-", r"[A-Za-z0-9]{40,60}"),  # Perplexity
    ("key", "xai-", r"xai-", r"[A-Za-z0-9]{70,90}"),  # xAI
    ("key", "lsv2_", r"lsv2_(?:pt|sk)_", r"[0-9a-f]{32}_[0-9a-f]{10}"),  # LangSmith
    ("key", "nvapi-", r"nvapi-", r"[\w\-]{60,70}"),  # NVIDIA
    ("key", "jina_", r"jina_", r"[\w\-]{50,70}"),  # Jina
    ("key", "tvly-", r"tvly-(?:dev-|prod-)?", r"[A-Za-z0-9]{32}"),  # Tavily
    ("key", "csk-", r"csk-", r"[a-z0-9]{40,60}"),  # Cerebras
    ("secret", "esecret_", r"esecret_", r"[A-Za-z0-9]{20,40}"),  # Anyscale
    ("key", "rubygems_", r"rubygems_", r"[0-9a-f]{48}"),
    ("key", "", r"oy2", r"[a-z0-9]{43}(?![a-z0-9])"),  # NuGet
    ("token", "clojars_", r"CLOJARS_", r"[0-9a-f]{60}"),
    ("token", "sqa_ sqp_ squ_", r"sq[apu]_", r"[0-9a-f]{40}"),  # SonarQube
    ("token", "", r"cmVmdGtu", r"[A-Za-z0-9]{40,80}"),  # Artifactory, a reference
    ("token", "dt0c01.", r"dt0c01\.", r"[A-Z0-9]{24}\.[A-Z0-9]{64}"),  # Dynatrace
    ("key", "tskey-", r"tskey-[a-z]{2,12}-", r"[A-Za-z0-9]{8,24}-[A-Za-z0-9]{16,40}"),  # Tailscale
    ("token", "bkua_", r"bkua_", r"[0-9a-f]{40}"),  # Buildkite
    ("token", "ccipat_", r"CCIPAT_", r"[A-Za-z0-9]{22}_[0-9a-f]{40}"),  # CircleCI
    ("token", "nfp_", r"nfp_", r"[A-Za-z0-9]{36}"),  # Netlify
    ("token", "vercel_blob_rw_", r"vercel_blob_rw_", r"\w{30,80}"),
    ("token", "fm1r_ fm2_ fo1_", r"f(?:m1r|m2|o1)_", r"[\w+/=\-]{40,2000}"),  # Fly.io
    ("key", "pnb_ pnu_", r"pn[bu]_", r"[A-Za-z0-9]{36}"),  # Prefect
    ("key", "xkeysib-", r"xkeysib-", r"[0-9a-f]{64}-[A-Za-z0-9]{16}"),  # Brevo
    ("key", "-us1 -us2 -us3 -us4 -us5 -us6 -us7 -us8 -us9", r"[0-9a-f]{32}-us", r"[1-9][0-9]?(?!\w)"),  # Mailchimp
    (
        "token",
        "pat-ap pat-eu pat-na",
        r"pat-(?:ap|eu|na)[0-9]-",
        r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    ),  # HubSpot
    ("token", "!aq", r"00D[A-Za-z0-9]{12,15}!AQ", r"[\w.]{60,110}"),  # Salesforce
    ("token", "", r"EAA[A-Z]", r"[A-Za-z0-9]{90,400}"),  # Facebook
    ("token", "", r"pat[A-Za-z0-9]{14}\.", r"[0-9a-f]{64}"),  # Airtable
    ("token", "cfpat-", r"CFPAT-", r"[\w\-]{40,48}"),  # Contentful
    ("key", "ezak eztk", r"EZ[AT]K", r"[A-Za-z0-9]{54}"),  # EasyPost
    ("token", "shippo_", r"shippo_(?:live|test)_", r"[0-9a-f]{40}"),
    ("token", "duffel_", r"duffel_(?:live|test)_", r"[\w\-=]{40,48}"),
    (
        "token",
        "access-development- access-production- access-sandbox-",
        r"access-(?:development|production|sandbox)-",
        r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    ),  # Plaid
    ("key", "sdk-", r"sdk-", r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),  # LaunchDarkly
    ("token", "sgp_", r"sgp_", r"[\w\-]{64}"),  # Segment
    ("token", "tfp_", r"tfp_", r"[\w\-.=]{50,70}"),  # Typeform
    ("token", "ops_ey", r"ops_ey", r"[\w\-+/=]{60,4000}"),  # 1Password
    ("token", "1//0", r"1//0", r"[\w\-]{40,200}"),  # Google Cloud, refreshes
    ("key", "ltai", r"LTAI", r"(?=[A-Za-z]{0,24}[0-9])[A-Za-z0-9]{12,24}(?![A-Za-z0-9])"),  # Alibaba Cloud
    ("key", "", r"[A-Za-z0-9]{52}JQQJ99", r"[A-Za-z0-9]{26}"),  # Azure: DevOps, OpenAI, ...
    ("password", "$2a$ $2b$ $2y$", r"\$2[aby]\$", r"[0-9]{2}\$[./A-Za-z0-9]{53}"),  # hashes of passwords
    ("password", "$argon2", r"\$argon2(?:d|id?)\$", r"[\w=,$+/]{20,300}"),
    ("password", "scram-sha-", r"SCRAM-SHA-[0-9]{1,3}\$", r"[0-9]{1,9}:[\w+/=]{8,64}\$[\w+/=]{20,128}:[\w+/=]{20,128}"),
    ("token", "hvb. hvs.", r"hv[bs]\.", r"[\w\-]{20,255}"),  # Vault
    ("key", "sg.", r"SG\.", r"[\w\-]{16,64}\.[\w\-]{16,64}"),  # SendGrid
    ("key", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)", r"[A-Z0-9]{16}(?![A-Za-z0-9])"),  # AWS
    (  # an AWS session's
        "token",
        "ogzxivyxdz iqojb3jpz2lu",
        r"(?:FwoGZXIvYXdz|FQoGZXIvYXdz|IQoJb3JpZ2lu)",
        r"[A-Za-z0-9+/=%]{40,}",
    ),
)

_WHOLES = (
    _shape(
        "private key",
        "-----begin",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----[\s\S]*?(?:-----END [^-]{0,80}-----|\Z)",
        _mask,
    ),
    _shape("private key", "putty-user-key-file-", r"PuTTY-User-Key-File-[0-9]:[\s\S]*", _mask),
    _shape("pickled function", "pythonfunction(", r"(?P<before>PythonFunction\()[\s\S]*", _mask_rest),
    # A signed URL is signed by the parameters of its query: all of it goes. S3, Google Cloud Storage, CloudFront, Azure
    _shape("signed query string", "sig", r"\?[^\s\"'?]*", _drop_if_signed),
    _shape("token", "digest", r"(?P<before>\bdigest\s{1,3})(?=username=|realm=)[^\r\n]{1,2000}", _mask_rest),
    # Whoever knows the path may write there.
    _shape(
        "webhook",
        "hooks.slack discord webhook.office outlook.office hooks.zapier ifttt.com pagerduty.com",
        r"(?P<before>(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)|discord(?:app)?\.com/api/webhooks"
        r"|webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook|hooks\.zapier\.com/hooks/catch"
        r"|maker\.ifttt\.com/trigger/[\w\-]{1,80}/with/key|events\.pagerduty\.com/integration)/)[\w/@\-]{1,512}",
        _mask_rest,
    ),
)
#: Programs with a password on their command line: literals in their names, the names, and what the password stands
#: behind. `-p ` allows a blank there or none.
_PROGRAMS = (
    ("mysql mariadb mongo", r"(?:mysql|mariadb|mongo)[\w\-]{0,9}", r"-p ?"),
    ("sshpass snowsql beeline cqlsh 7z", r"(?:sshpass|snowsql|beeline|cqlsh|7za?)", r"-p ?"),
    ("docker podman helm", r"(?:docker|podman|helm registry) login", r"-p ?"),
    ("az login", r"az login", r"-p ?"),
    ("sqlcmd bcp isql osql tsql zip", r"(?:sqlcmd|bcp|[iot]sql|unzip|zip)", r"-P ?"),
    ("ldap beeline", r"(?:ldap\w{3,9}|beeline)", r"-w "),
    ("redis-cli", r"redis-cli", r"-a "),
    ("openssl", r"openssl", r"(?:-[kK] |-pass(?:in|out)? pass:)"),
    ("curl", r"curl", r"-u ?[\w.@\-]{1,64}:"),
)
#: Programs of Oracle, which take ``user/password``.
_ORACLE_PROGRAMS = "sqlplus sqlldr expdp impdp rman"
_PARTS = (
    *(
        _shape(
            "password",
            needs,
            rf"(?P<before>\b{program} (?:[^\r\n;|]{{0,300}}?[ \"'])?{flag}[\"']?)(?![\s\"'*\-])[^\s\"']{{1,256}}",
            _mask_rest,
            re.RegexFlag(0),
        )
        for needs, program, flag in _PROGRAMS
    ),
    _shape(
        "password",
        _ORACLE_PROGRAMS,
        rf"(?P<before>\b(?:{_ORACLE_PROGRAMS.replace(' ', '|')})\s{{1,3}}(?:-\w{{1,2}}\s{{1,3}}){{0,3}}"
        r"(?:userid=)?[\"']?[\w$#.]{1,64}/)"
        r"(?!\*)[^\s@/\"']{1,256}",
        _mask_rest,
    ),
    # connect scott/tiger@db, .logon host/user,x, connect to db user u using x, vault login x
    _shape(
        "password",
        "conn",
        r"(?P<before>(?:\A|[\r\n;])\s{0,8}conn(?:ect)?\s{1,3}[\w$#.]{1,64}/)(?!\*)[^\s@/\"']{1,256}(?=@|\s{1,3}as\s{1,3}sys)",
        _mask_rest,
    ),
    _shape(
        "password",
        "logon",
        r"(?P<before>\blogon\s{1,3}[^\s/,]{1,80}/[^\s,/]{1,64},)(?!\*)[^\s;,\"']{1,256}",
        _mask_rest,
    ),
    _shape(
        "password",
        "connect",
        r"(?P<before>\bconnect\s{1,3}to\s{1,3}\S{1,80}\s{1,3}user\s{1,3}\S{1,80}\s{1,3}using\s{1,3}[\"']?)(?!\*|(?:ssl|tls|ldap|kerberos|iam|oauth|sso|the|an?)\b)[^\s;\"']{1,256}",
        _mask_rest,
    ),
    _shape("token", "vault login", r"(?P<before>\bvault login\s{1,3})(?![\-*])[^\s\"']{8,256}", _mask_rest),
    _shape(
        "password",
        "requirepass masterauth",
        r"(?P<before>\b(?:requirepass|masterauth)\s{1,3}[\"']?)(?!\*)[^\s\"']{1,256}",
        _mask_rest,
    ),
    # OPENROWSET('provider', 'server';'user';'x', ...), sp_addlogin 'user', 'x'
    _shape(
        "password",
        "openrowset sp_addlogin",
        r"(?P<before>\b(?:openrowset\(\s{0,3}'[^']{1,80}'\s{0,3},\s{0,3}'[^']{1,200}'\s{0,3};\s{0,3}'[^']{1,128}'\s{0,3};"
        r"|sp_addlogin\s{1,3}N?'[^']{1,128}'\s{0,3},)\s{0,3}N?')(?!\*)[^']{1,256}",
        _mask_rest,
    ),
    # What OAuth, OpenID Connect and SAML hand over in a URL or a form. A code of theirs is long; code=US is none.
    _shape(
        "token",
        "code=",
        r"(?P<before>[?&#](?:code|auth_code|authorization_code|device_code|access_code)=)"
        r"(?=[^&\s]{0,200}[0-9])(?=[^&\s]{0,200}[A-Za-z])[^&\s\"'<>#*]{20,2000}",
        _mask_rest,
    ),
    _shape(
        "token",
        "code_verifier= client_assertion= samlresponse= samlrequest= id_token_hint=",
        r"(?P<before>(?:\A|[?&#\s])(?:code_verifier|client_assertion|SAMLResponse|SAMLRequest|id_token_hint)=)[^&\s\"'<>#*]{1,20000}",
        _mask_rest,
    ),
    # a code of an authenticator, or of a card; a pin of six digits is as often where somebody lives
    _shape(
        "password",
        "otp= pin=",
        r"(?P<before>[?&](?:t?otp=|pin=(?=[0-9]{4,5}(?![0-9]))))[0-9]{4,10}(?![\w.])",
        _mask_rest,
    ),
    # keys that are arguments of a function
    _shape(
        "key",
        "crypt",
        r"(?P<before>\b(?:(?:try_)?(?:(?:aes|pgp_sym|des)_)?(?:en|de)crypt(?:_raw)?"
        r"\([^()'\"]{1,200}(?:\([^()'\"]{0,100}\)[^()'\"]{0,100})?,\s{0,3}|(?:en|de)cryptbypassphrase\(\s{0,3}N?)[\"'])"
        r"(?!(?:3?des|aes|bf|blowfish|cbc|ecb|gcm|md5|rsa|sha)[\w/:\-]{0,20}[\"'])[^\"']{1,256}",
        _mask_rest,
    ),
    _shape(
        "key",
        "credentials( secrets.put( authentication( basicauth( auth=( auth'",
        r"(?P<before>(?:(?:\b(?:Basic(?:AWS|Session)?Credentials|UsernamePasswordCredentials|PasswordAuthentication"
        r"|HTTPBasicAuth|auth=)|\bauth'\s{0,3}:\s{0,3})\(\s{0,3}[\"'][^\"']{0,200}[\"'],\s{0,3}"
        r"|\bsecrets\.put\((?:[^,()]{1,200},){2}\s{0,3})[\"'])[^\"']{1,512}",
        _mask_rest,
    ),
    _shape("password", "securestring", r"(?P<before>ConvertTo-SecureString\s{1,3}[\"'])[^\"']{1,256}", _mask_rest),
    # select 'x' as password
    _shape(
        "password",
        "' as",
        r"'(?P<value>[^'\s]{4,256})'(?P<after>\s{1,3}as\s{1,3}[\"`\[]?(?P<name>[A-Za-z_]\w{0,79}))",
        _mask_named_after,
    ),
    # scheme://user:password@host; but abfss://container@account is where the data lies
    _shape("user info", "@", r"(?P<before>(?<!abfs)(?<!abfss)(?<!wasb)(?<!wasbs)://)[^/?#\s\"'<>]*@", _keep_before),
    # s3a://key:secret/with/slashes@bucket; but hdfs://host:8020/a@b has a port there
    _shape(
        "user info",
        "@",
        r"(?P<before>://)[^/?#\s:@\"'\[;,=]{1,256}:(?!\d{1,5}(?:[/?#,;:\s]|$))[^\s@\"']{0,512}@",
        _keep_before,
    ),
    _shape("user info", "jdbc:oracle", r"(?P<before>jdbc:oracle:(?:thin|oci8?):)[^\s\"']{1,512}(?=@)", _keep_before),
    _shape(
        "user info",
        "jdbc:oracle",
        r"(?P<before>jdbc:oracle:(?:thin|oci8?):)(?:\\?\"[^\"]{0,256}\"|[^\s\"'/@]{0,256})/\\?\"[^\"]{0,256}\"(?=@)",
        _keep_before,
    ),
    # the same, encoded as part of another URL
    _shape(
        "user info",
        "%40",
        r"(?P<before>%3A%2F%2F)(?:[\w.~\-]|%(?!3A|40|2F)[0-9A-F]{2}){0,80}%3A(?:[\w.~\-]|%(?!40|2F)[0-9A-F]{2}){0,256}%40",
        _keep_before,
    ),
    # curl -u name:password; but -u 1000:1000 is a user and a group
    _shape(
        "password",
        "-u --user",
        r"(?P<before>(?<![\w\-])(?:-u|--user)[ =]{1,2}[\"']?[\w.@\-]{1,64}:)(?!\d{1,10}(?![^\s\"']))[^\s\"']{1,256}",
        _mask_rest,
    ),
    _shape("token", "bearer", r"(?P<before>\bbearer\s{1,8})[^\s\"']{16,}", _mask_rest),
    _shape(
        "token", "basic", r"(?P<before>\bbasic\s{1,8})(?P<value>[A-Za-z0-9+/]{6,1000}={0,2})(?![\w+/])", _mask_basic
    ),
    _shape("token", "eyj", r"(?<![\w\-])eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*", _mask, re.RegexFlag(0)),
    *(
        _shape(kind, needs, rf"(?<![A-Za-z0-9]){beginning}{rest}", _mask, re.RegexFlag(0))
        for kind, needs, beginning, rest in _PREFIXED
    ),
    _shape("key", "", r"(?<![A-Za-z0-9+])(?:ey|ew|LS0tLS1C)[\w+/\-]{60,}={0,2}", _mask_encoded_key, re.RegexFlag(0)),
    # a storage account of Azure
    _shape("key", "", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==(?!=)", _mask, re.RegexFlag(0)),
    _shape("key", "", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])", _mask_mixed, re.RegexFlag(0)),
)

_Rule = _Shape | _Named

# Parameters before user info: in jdbc:sqlserver://h;password=a@b what stands before the @ is no user.
_TEXT_RULES: tuple[_Rule, ...] = (*_WHOLES, _IN_TEXT, *_NAME_VALUE, *_PARTS, _FOLDER, _JSON)
_URL_RULES: tuple[_Rule, ...] = (*_WHOLES, _IN_URL, *_PARTS, _FOLDER, _JSON, _IN_TEXT)
_ERROR_RULES: tuple[_Rule, ...] = (*_TEXT_RULES, _IN_ERROR)

_URL = re.compile(r"\s*(?:jdbc:|[a-z][a-z0-9+.\-]{0,30}://)", re.IGNORECASE)

# ---- a quick look: nearly all texts are harmless, and only few rules can hold for one

#: What is part of each name of a secret (`_NAMES`), in lower case.
_NAME_NEEDS = (
    *("pass", "pwd", "pw", "psw", "kennwort", "contrase", "senha", "wachtwoord", "haslo", "hasło", "losenord"),
    *("lösenord", "парол", "密码", "密碼", "パスワード", "secret", "token", "key", "credential", "sig", "sas"),
    *("authorization", "bearer", "cookie", "jwt", "identified", "jsessionid", "phpsessid", "user.info"),
)
#: The same more exactly: "sig" ends a name, and is also in "signup" and "assigned".
_NAME_PART = re.compile("|".join(need if need != "sig" else "sig(?:nature)?(?![a-z])" for need in _NAME_NEEDS))
#: What each of the expressions above has between a name and its value, or around them.
_PARTING = re.compile(r"[=:>%(<\"'`\s]")

_LONG = 40  #: characters of the shortest secret that is known by its length alone
_LONG_WORD = re.compile(rf"(?<![A-Za-z0-9+/_\-])[A-Za-z0-9+/_\-]{{{_LONG}}}")
_MIDDLE = 15  #: characters of the shortest text that holds another secret than those of the next line
_PROGRAM_NEEDS = frozenset().union(*(needs.split() for needs, _, _ in _PROGRAMS))
_SHORT_NEEDS = frozenset(
    {*_NAME_NEEDS, *_PROGRAM_NEEDS, *_ORACLE_PROGRAMS.split(), "@"}
    | {"-u", "--user", "basic", "digest", "jdbc:oracle", "pythonfunction("}
    | {"crypt", "logon", "requirepass", "masterauth", "otp=", "pin=", "samlresponse=", "samlrequest=", "auth=("}
)
_MIDDLE_NEEDS = frozenset().union(*(rule.needs for rule in (*_WHOLES, *_PARTS))) - _SHORT_NEEDS


class _Look:
    """What the rules want to know of a text before they read it."""

    __slots__ = ("long", "lower", "names")

    def __init__(self, text: str) -> None:
        self.lower = text.lower()
        self.names = (_NAME_PART.search(self.lower) and _PARTING.search(text)) is not None
        self.long = len(text) >= _LONG and _LONG_WORD.search(text) is not None


def clean_texts(texts: Iterable[str]) -> dict[str, Cleaned]:
    """The texts that hold a secret: each with what is left of it and the kinds of what was removed."""
    known = list(texts)
    longer = [text for text in known if len(text) >= _MIDDLE]
    looked_at = [
        *_holding(known, _SHORT_NEEDS),
        *_holding(longer, _MIDDLE_NEEDS),
        *(text for text in longer if len(text) >= _LONG and _LONG_WORD.search(text)),
        *(text for text in known if not _is_plain(text) and plain(text) != text),
    ]
    cleaned = {text: clean_text(text) for text in dict.fromkeys(looked_at)}
    return {text: result for text, result in cleaned.items() if result[1]}


def _holding(texts: list[str], needs: Iterable[str]) -> list[str]:
    """The texts that hold one of these literals. All are looked through together first: mostly none does."""
    together = "\n".join(texts).lower()
    found = [need for need in needs if need in together]
    return [text for text in texts if _holds(text.lower(), found)] if found else []


def _holds(text: str, needs: Iterable[str]) -> bool:
    return any(need in text for need in needs)


def clean_text(text: str) -> Cleaned:
    """The text without the secrets in it, and their kinds.

    Where a secret shows only in another spelling (`plain`), the text is kept in that one.
    """
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
        before, look = text, _Look(text)
        for rule in rules:
            if rule.needed(look):
                new = rule.clean(text, kinds)
                if new != text:
                    text, look = new, _Look(new)
        if text == before:
            text = _cleaned_plain(text, rules, kinds)
        if text == before:
            return text, tuple(kinds)
    return MASK, tuple(kinds)  # still changing: made to be so, and not worth keeping


def _cleaned_plain(text: str, rules: Iterable[_Rule], kinds: dict[str, None]) -> str:
    """A text in which no rule finds a secret: as it is, unless one does in its other spelling."""
    other = text if _is_plain(text) else plain(text)
    if other == text:
        return text
    cleaned, look, found = other, _Look(other), dict[str, None]()
    for rule in rules:
        if rule.needed(look):
            cleaned = rule.clean(cleaned, found)
    kinds.update(found)
    return cleaned if found else text
