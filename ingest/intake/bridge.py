"""What a bridge is: the one seam between a format that senders use and the entries, plans and runs of Headwater.

Here: the row type of the table in `bridges`, and what its functions take, return and raise. Not here: any format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

from headwater.graphmodel.model import Plan, Run
from headwater.graphmodel.naming import DEFAULT, Rules
from headwater.graphmodel.statements.model import Said
from headwater.ingest.intake.body import Limits
from headwater.ingest.ledger.entries import NewEntry


class DecodeError(Exception):
    """The body of a ledger entry is not what its kind says. The text names the field and what was expected there."""


@dataclass(frozen=True)
class Receipt:
    """How a body came in: from whom, when, and what it may cost."""

    sender: str | None = None  #: kept on the entry
    at_ms: int = 0  #: ms since 1970; only statements keep it
    limits: Limits = field(default_factory=Limits)
    account: str | None = None  #: for which it reports (`graphmodel.accounts`): its sender is bound to it


@dataclass(frozen=True)
class Accepted:
    """A body that may be kept.

    `entries` are those for the ledger, in order; none for a body with nothing in it (an empty array of events).
    `answer` is what the sender is told as JSON beside the `status`; None for no body. `about` is for the log: the
    name of the job, or the id of the plan; without secrets, of any length and any characters.
    """

    entries: tuple[NewEntry, ...]
    answer: str | dict[str, Any] | None = None
    about: str = ""
    status: int = 201


@dataclass(frozen=True)
class Part:
    """An entry that says something only together with others: those of the same `group` are folded (`Fold`).

    `content` is what the bridge's fold takes. `settles`: with it the group can come to something; before such a part
    came, the group is not folded.
    """

    group: str
    content: Any
    settles: bool = True


@dataclass(frozen=True)
class Decoded:
    """What one entry says. A plan's position in `plans` is the index in its `BodyRef`."""

    plans: tuple[Plan, ...] = ()
    runs: tuple[Run, ...] = ()
    statements: tuple[Said, ...] = ()
    part: Part | None = None


Inherited = tuple[tuple[str, str], ...]  #: (field of `Run`, value), sorted


@dataclass(frozen=True)
class Folded:
    """What all entries of one group say together: a function of their set, whatever their order and number.

    Plans and runs are the group's own: no other entry may give a plan of the same id. `digest` is that of the set,
    `outcome` one word for what it came to, `job` the id of the job vertex that it belongs to. `parent` is the group of
    which it is a part, and which may tell more of its runs (`inherit`); `passes_on` is what it tells of its own parts,
    `otherwise` what is taken for known where neither tells it. `counts` are the positions of the entries that
    alone say all of this, whatever else comes: the others need not be read again. None: all are needed.
    """

    plans: tuple[Plan, ...]
    runs: tuple[Run, ...]
    digest: str
    outcome: str
    job: str
    parent: str = ""
    passes_on: Inherited = ()
    otherwise: Inherited = ()
    counts: tuple[int, ...] | None = None


def inherit(run: Run, *told: Inherited) -> Run:
    """The run with what others tell of it, the first ones first, where it does not tell that itself."""
    for some in told:
        new: dict[str, Any] = {field: value for field, value in some if getattr(run, field) is None}
        run = replace(run, **new) if new else run
    return run


@dataclass(frozen=True)
class Payload:
    """A body found in a file, as it would be posted."""

    content_type: str
    body: bytes


Accept = Callable[[str, bytes, Receipt], Accepted]
"""(content type without parameters, one of the bridge's; body unpacked; receipt): validate, redact, split into entries.

Pure. Raises `InvalidBody` alone: a status and a sentence that names the field. CPU: linear in the bytes.
"""

Decode = Callable[[bytes, str], Decoded]
"""(body, content type) of a kept entry. Pure, and the same on every machine. Raises `DecodeError` alone."""


class NamingDecode(Protocol):
    """A `Decode` that can be told which naming rules hold."""

    def __call__(self, body: bytes, content_type: str, /, rules: Rules = DEFAULT) -> Decoded:
        """As `Decode`, the datasets named by `rules`."""


Fold = Callable[[Sequence[Any], Rules], Folded]
"""(contents of the parts of one group, naming rules). Pure, and the same for any order and number of the parts.

DecodeError: together they are too large; the last one of them is set aside.
"""

Recognise = Callable[[object, bytes], Iterable[Payload]]
"""(parsed JSON, its bytes) of a file or of a line of one: what in it is of this bridge; nothing if it is not.

DecodeError: it is a file of this bridge, and damaged.
"""


class OutputTypes(Protocol):
    """Spark's type of each output column by lower-case name, as far as said."""

    def __call__(
        self, body: bytes, content_type: str, index: int, /, names: Sequence[str] | None = None
    ) -> dict[str, str]:
        """(body, content type, index of the plan). `names`: its output columns, where they are known already."""


class InputTypes(Protocol):
    """Spark's type of each column that a plan reads, by dataset and lower-case name, as far as said."""

    def __call__(
        self, body: bytes, content_type: str, index: int, /, rules: Rules = DEFAULT
    ) -> Mapping[str, Mapping[str, str]]:
        """(body, content type, index of the plan), the datasets named by `rules`."""


WRITTEN, READ = "written", "read"

Named = frozenset[tuple[str, str]]
"""Ids of datasets, each with `WRITTEN` or `READ`: what a payload says was done to it."""

Known = Callable[[str], Named | None]
"""An agent's plan id -> the datasets of that plan; None: it is not known."""

Names = Callable[[Any, Rules, Known], Named | None]
"""(parsed JSON of a kept entry, naming rules, plans): the datasets that it names, without its mapping.

None: nobody knows. May raise ValueError, KeyError, TypeError, AttributeError: then neither.
"""


def _no_payloads(_document: object, _body: bytes) -> Iterable[Payload]:
    return ()


def _no_types(_body: bytes, _content_type: str, _index: int, /, names: Sequence[str] | None = None) -> dict[str, str]:
    return {}


def _no_input_types(
    _body: bytes, _content_type: str, _index: int, /, rules: Rules = DEFAULT
) -> Mapping[str, Mapping[str, str]]:
    return {}


def _nobody_knows(_document: Any, _rules: Rules, _known: Known) -> None:
    return None


@dataclass(frozen=True)
class Bridge:
    """One row: a kind of ledger entry, where it comes in, and what is done with it.

    Bridges are compared and hashed by `kind`, which stands in ledgers and must never change.
    """

    kind: str
    title: str = field(compare=False)  #: what one payload is, in messages: "a Spline execution plan"
    counted: Literal["plans", "events", "statements"] = field(compare=False)  #: as `headwater load` reports them
    path: str = field(compare=False)  #: of the HTTP route that takes it by POST
    content_types: tuple[str, ...] = field(compare=False)  #: that `accept` takes, without parameters
    accept: Accept = field(compare=False)
    decode: NamingDecode = field(compare=False)
    recognise: Recognise = field(default=_no_payloads, compare=False)
    output_types: OutputTypes = field(default=_no_types, compare=False)
    input_types: InputTypes = field(default=_no_input_types, compare=False)
    names: Names = field(default=_nobody_knows, compare=False)
    #: Whether the same bytes are sent again and again. What `accept` makes of them must depend on nothing else, but for
    #: the entry's sender and its account: it is not called for bytes that the ledger has of this account.
    repeats: bool = field(default=False, compare=False)
    fold: Fold | None = field(default=None, compare=False)  #: of a bridge whose entries are parts
    batch_path: str | None = field(default=None, compare=False)  #: of the HTTP route that takes many at once by POST
    accept_batch: Accept | None = field(default=None, compare=False)  #: of its body, each payload an entry

    @property
    def in_files(self) -> bool:
        """Whether `headwater load` can find payloads of this bridge in files."""
        return self.recognise is not _no_payloads
