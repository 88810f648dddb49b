"""The tools: which canned query each asks, what it says about itself, and how long its answer may be. Pure.

A tool's parameters are those of its query, so that a new parameter of a query is a parameter of the tool. Descriptions
are written for a model that knows nothing else about Headwater.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from headwater.queries.answers.answer import TIMES, moment
from headwater.queries.answers.audit import ROWS
from headwater.queries.catalogue.catalogue import BY_NAME
from headwater.queries.catalogue.parameters import Parameter

#: Longest answer, in characters: some 10,000 tokens. A longer one would push the conversation out of a model's memory.
MOST = 40_000
#: Rows, or nodes of a lineage, where the assistant does not say how many.
_FEW = 50
#: What a cell or an edge says if it says nothing: left out of an answer.
_SILENT: Mapping[str, object] = {"masking": False, "exact": True, "certain": True, "resolved": True}
#: Keys that hold the parts of an answer that there can be many of, the less important ones first: cut in this order.
_MANY = ("edges", "jobs", "paths", "affected", "rows", "nodes", *ROWS)


@dataclass(frozen=True)
class Tool:
    """One tool. `parts` are (key, query, fixed parameters): the answers of several queries stand under their keys.

    A parameter that is fixed is not the assistant's to choose.
    """

    name: str
    title: str
    description: str
    parts: tuple[tuple[str, str, Mapping[str, object]], ...]
    hidden: frozenset[str] = field(default=frozenset({"next"}))

    def parameters(self) -> Iterator[Parameter]:
        """Those of the first query, without the fixed and hidden ones."""
        _, query, fixed = self.parts[0]
        for parameter in BY_NAME[query].parameters:
            if parameter.name not in fixed and parameter.name not in self.hidden:
                yield parameter

    def input_schema(self) -> dict[str, Any]:
        """The JSON schema of its arguments."""
        parameters = list(self.parameters())
        return {
            "type": "object",
            "properties": {parameter.name: _schema(parameter) for parameter in parameters},
            "required": [parameter.name for parameter in parameters if parameter.required],
            "additionalProperties": False,
        }

    def times(self) -> frozenset[str]:
        """The names of the parameters that are a time: they also take a length of time, so long before now."""
        return frozenset(parameter.name for parameter in self.parameters() if _is_time(parameter))

    def questions(self, given: Mapping[str, object]) -> Iterator[tuple[str, str, list[tuple[str, object]]]]:
        """(key, query, parameters) of each query to ask. The arguments go to each query that has such a parameter."""
        for number, (key, query, fixed) in enumerate(self.parts):
            names = {parameter.name for parameter in BY_NAME[query].parameters}
            values = {"limit": _FEW, **fixed} if "limit" in names else dict(fixed)
            for name, value in given.items():
                target = name if number == 0 or name in names else _SUBJECTS.get(query, name)
                if number == 0 or target in names:
                    values[target] = value
            yield key, query, list(values.items())


#: The parameter of a further query that takes the subject, where it has another name than in the first one.
_SUBJECTS = {"tags": "node"}

_SCHEMA_TYPES = {"integer": "integer", "boolean": "boolean"}


def _is_time(parameter: Parameter) -> bool:
    return parameter.type == "time" or parameter.name == "asOf"


def _schema(parameter: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _SCHEMA_TYPES.get(parameter.type, "string"),
        "description": parameter.meaning,
    }
    if _is_time(parameter):
        found["description"] += "; 24h, 7d: so long ago"
    if parameter.choices:
        found["enum"] = list(parameter.choices)
    default = _FEW if parameter.name == "limit" else parameter.default
    if default is not None:
        found["default"] = default
    if parameter.type == "integer":
        found["minimum"] = parameter.minimum
        if parameter.maximum is not None:
            found["maximum"] = parameter.maximum
    return found


#: The questions of the tool `estate`; `coverage` is a tool of its own.
ESTATE_ASKED = ("unread-datasets", "unused-columns", "stopped-jobs", "schema-drift", "hot-spots")


def _one(name: str, title: str, description: str, query: str = "", **fixed: object) -> Tool:
    return Tool(name, title, description, (("", query or name, fixed),))


TOOLS: tuple[Tool, ...] = (
    _one(
        "search",
        "Find datasets, columns and jobs",
        "Find datasets (tables, files, topics), columns and jobs by a part of their name. Begin here when you do not "
        "have the id of what the user means. The ids in the answer are what the other tools take as `node`: a "
        "dataset's id is its URI, a column's is DATASET_URI#column.",
    ),
    Tool(
        "dataset",
        "What is known about a dataset",
        "A dataset at a glance: its columns with types and expressions, its last writes with the runs that made them, "
        "its tags and owners.",
        (("columns", "columns", {}), ("lastWrites", "dataset-versions", {"limit": 5}), ("tags", "tags", {})),
    ),
    _one(
        "lineage",
        "Where data comes from, or where it goes",
        "Column or dataset lineage across jobs. direction=upstream answers 'where does this come from', downstream "
        "'what is made of it'. An edge goes from `source` to `target`; `expression` says how the target is computed. "
        "type=direct follows values only; type=all also filters, join keys and other things that decide which rows "
        "there are. `exact: false` marks an edge that code hides (for example a Python function).",
        behind=None,
    ),
    _one(
        "impact",
        "What a change would break",
        "What a change of a dataset or column affects downstream: columns, datasets and jobs, each with a grade (how "
        "bad), the path (positions in `edges`, from 0), the job that writes it, and its owner. Choose `change` by what "
        "is planned: drop, rename, retype, semantics (other values under the same name) or rows.",
    ),
    _one(
        "why",
        "Why does it look wrong?",
        "First question when a number looks wrong or a table is late: last writes of a dataset or column, upstream "
        "runs that failed, late jobs, the last changes of logic upstream (with expression before and after), hops "
        "that are behind, and owners. The newest fact comes first.",
    ),
    _one(
        "changes",
        "When did the logic change?",
        "Changes of how a dataset or column is computed: when, by which run, the expression before and after. With "
        "upstream=true also the changes of everything it comes from.",
        order="newest",
    ),
    _one(
        "consumers",
        "Who read what a bad run wrote",
        "All runs that read what a run wrote, directly or through others. `rerun` numbers the runs that have to be run "
        "again, in a safe order; it is null for runs whose output was overwritten since.",
    ),
    _one(
        "inputs",
        "What exactly a run read",
        "The exact versions of datasets that a run read (for example the run that trained a model), who wrote each of "
        "them, and whether it has been overwritten since. depth=1 is what the run itself read.",
    ),
    _one(
        "audit",
        "What was a model made of?",
        "The audit of a model of SageMaker: from an endpoint, model, model package or training job back to each S3 "
        "path that was read, in the version as it stood then, the Spark runs that made it, and the source columns with "
        "expressions. `findings` say what was overwritten or changed since, and what is only partly known: begin "
        "with them. `conditions` are filters and joins that decided which rows the training data has.",
    ),
    _one(
        "explain",
        "Why is there this edge?",
        "Evidence for lineage: for each edge of a node the rule, the expression, the plan and the runs that it comes "
        "from. One step only: no rows for a `source` further away, whose way `paths` shows.",
    ),
    _one(
        "paths",
        "How data gets from one place to another",
        "The shortest path, or all paths, between two datasets or columns.",
    ),
    _one(
        "diff",
        "What differs between two times",
        "What changed in a dataset, or in what a job writes, between two times: columns, expressions, inputs.",
    ),
    _one("runs", "Runs of a job", "The runs of a job, newest first: time, duration, status, error, Glue job-run id."),
    _one(
        "latest_runs",
        "The latest runs of all jobs",
        "The latest runs of all jobs, newest first. status=failed with `since` answers 'what failed last night'; `job` "
        "takes a part of a name.",
        query="latest-runs",
    ),
    Tool(
        "job",
        "What a job does",
        "What a job reads and writes, by its logics (plans), and its last runs.",
        (("plans", "plans", {}), ("lastRuns", "runs", {"limit": 5})),
    ),
    _one(
        "operations",
        "The steps of a plan",
        "What a plan (one logic of a job) does step by step: read, join, filter, aggregate, write, with expressions.",
    ),
    _one("tagged", "What has a tag", "The datasets, columns and jobs that have a tag, for example pii or owner=ann."),
    _one(
        "tag_flow",
        "Where tagged data goes",
        "The columns that a tag's data reaches (for example: where has PII got to), whether they are tagged "
        "themselves, and where hashing or masking ends it.",
        "tag-flow",
    ),
    _one(
        "who_can_read",
        "Who can read this data",
        "Who can read a dataset or column, or (with `tag` in place of `node`) the columns with a tag, as AWS Lake "
        "Formation says. reached=true: also what was made of it. IAM and bucket policies are not known.",
        "who-can-read",
    ),
    Tool(
        "estate",
        "What needs a look in the whole estate",
        "The whole estate at a glance, a list for each question: datasets that nobody reads, columns that nobody uses, "
        "jobs that stopped running, datasets whose columns changed, the datasets that most others depend on. It takes "
        "no node; `limit` is the number of rows of each list.",
        tuple((name, name, {}) for name in ESTATE_ASKED),
    ),
    _one(
        "coverage",
        "What is not known",
        "Jobs whose column lineage is missing or incomplete, and why. Ask this before you say that something has no "
        "other source or no consumers.",
    ),
)
BY_TOOL: Mapping[str, Tool] = {tool.name: tool for tool in TOOLS}


def text_of(answers: Mapping[str, Mapping[str, Any]], link: str | None) -> str:
    """The answers of a tool as JSON, at most `MOST` characters, about. One answer without a key stands alone.

    What says nothing is left out, and times are text: models are bad at reading ms since 1970. What is longer is cut:
    then `complete` is false and `reason` says what to do.
    """
    compact = {key: _dated(_compact(answer)) for key, answer in answers.items()}
    whole: dict[str, Any] = compact[""] if set(compact) == {""} else dict(compact)
    if link:
        whole["page"] = link
    text = _json(whole)
    parts: Sequence[dict[str, Any]] = [compact[""]] if "" in compact else list(compact.values())
    while len(text) > MOST and _cut(parts):
        text = _json(whole)
    return text


def _compact(answer: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in answer.items():
        if key == "columns" and answer.get("shape") == "rows":
            continue  # their names stand in each row
        if key in _MANY and isinstance(value, list):
            out[key] = [_spoken(item) if isinstance(item, Mapping) else item for item in value]
        elif key not in {"shape", "parameters"} and value is not None:
            out[key] = value
    return out


def _dated(value: Any, key: str = "") -> Any:
    """The same with times as ISO 8601 in UTC, which the parameters take back."""
    if isinstance(value, Mapping):
        return {name: _dated(item, name) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_dated(item) for item in value]
    at = moment(value) if key in TIMES and isinstance(value, int) else None
    return value if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _spoken(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in item.items()
        if value not in (None, "", [], ()) and (key not in _SILENT or value != _SILENT[key])
    }


def _cut(parts: Sequence[dict[str, Any]]) -> bool:
    """Shorten the longest list of the answers by half; False if there is nothing to shorten."""
    lists = [(len(_json(part[key])), part, key) for part in parts for key in _MANY if len(part.get(key) or ()) > 1]
    if not lists:
        return False
    _, part, key = max(lists, key=lambda item: item[0])
    part[key] = part[key][: len(part[key]) // 2]
    part["complete"] = False
    part["reason"] = f"cut to {MOST:,} characters: ask with a smaller depth or limit, or for a single column"
    return True


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


#: What the page takes ids of these kinds as; others are nodes of the graph that it draws.
_PAGES = {"job:": "job", "run:": "run"}
#: Ids of what has no page: a plan, and a version of a dataset.
_WITHOUT_PAGE = re.compile(r"plan:.*|.*@([0-9a-f]{16}|initial)")


def page_of(server: str | None, answers: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The address of the web page that shows what was asked about, by its id in the first of the answers.

    None without a server, and where the page shows no such thing: no link is better than a wrong one.
    """
    first = next(iter(answers.values()), {})
    asked = first.get("parameters") or {}
    subject = first.get("root") or next((asked[key] for key in _SUBJECT if asked.get(key)), None)
    if isinstance(subject, list | tuple):  # several runs can have one name
        subject = subject[0] if len(subject) == 1 else None
    if not server or not isinstance(subject, str) or _WITHOUT_PAGE.fullmatch(subject):
        return None
    key = next((key for prefix, key in _PAGES.items() if subject.startswith(prefix)), "node")
    return f"{server}/?{key}={quote(subject, safe=':/')}"


_SUBJECT = ("node", "dataset", "job", "run")  #: parameters that name it
