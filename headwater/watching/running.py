"""Evaluates watches: ask, compare with the last answer, save, deliver what changed."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from headwater.errors import WrongUse
from headwater.graphmodel.constants import form_of
from headwater.graphmodel.delta import digest
from headwater.queries.answers.answer import Answer
from headwater.queries.answers.shapes import Result
from headwater.source import Source
from headwater.watching.channels import NotDelivered, deliver
from headwater.watching.definitions import Channel, Watch, node_parameter
from headwater.watching.news import News, difference, expression_of, items, kept
from headwater.watching.reports import Report
from headwater.watching.state import Pending, State, States

log = logging.getLogger(__name__)

Deliver = Callable[[Channel, Report], None]  #: raises NotDelivered


@dataclass(frozen=True)
class Outcome:
    """The result of one watch. `problems` are sentences: nodes that do not exist, reports that were not delivered."""

    watch: str
    nodes: int = 0
    items: int = 0
    began: bool = False  #: the first evaluation: nothing to compare with, so nothing was reported
    told: int = 0  #: reports that were delivered
    pending: int = 0  #: reports that are kept for the next evaluation
    problems: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "problems": list(self.problems)}


def evaluate(source: Source, watches: Iterable[Watch], states: States, deliver: Deliver = deliver) -> Iterator[Outcome]:
    """Evaluate each watch once. Unreachable: the graph cannot be asked; StateUnreadable.

    After a payload was erased each watch begins anew: its last answers and its reports may hold what was erased.
    """
    erased = source.erased()
    for watch in watches:
        yield _Evaluation(source, watch, states, deliver, erased).run()


class _Evaluation:
    """One evaluation of one watch."""

    def __init__(self, source: Source, watch: Watch, states: States, deliver: Deliver, erased: int) -> None:
        self._source = source
        self._watch = watch
        self._states = states
        self._deliver = deliver
        self._erased = erased  #: as of `Source.erased`
        self._problems: list[str] = []
        self._pictures: dict[str, str] = {}

    def run(self) -> Outcome:
        before = self._states.load(self._watch.name)
        definition = _definition(self._watch)
        if before is not None and self._erased > before.erased:
            # Nothing is carried over: an answer that is not complete keeps what was known before.
            if before.pending:
                self._problems.append(f"{len(before.pending)} reports were dropped: they may hold what was erased")
            before = None
        began = before is None or before.definition != definition
        erased = before.erased if before else self._erased
        known = State(definition, 0, erased=erased) if began or before is None else before
        kept_back = before.pending if before else ()
        after, fresh = self._asked(known, began=began)
        pending = (*kept_back, *(p for p in fresh if p.id not in {k.id for k in kept_back}))
        state = replace(after, pending=pending).bounded()
        self._states.save(self._watch.name, state)  # before delivery: a crash must not lose a report
        left = tuple(p for p in map(self._undelivered, state.pending) if p)
        if state.pending:
            self._states.save(self._watch.name, replace(state, pending=left))
        return Outcome(
            watch=self._watch.name,
            nodes=len(after.items),
            items=sum(map(len, after.items.values())),
            began=began,
            told=len(state.pending) - len(left),
            pending=len(left),
            problems=tuple(self._problems),
        )

    def _asked(self, known: State, *, began: bool) -> tuple[State, list[Pending]]:
        """Ask about each node. The state after that, and the reports to deliver."""
        now = time.time_ns() // 1_000_000
        found: dict[str, dict[str, str]] = {}
        fresh: dict[str, News] = {}
        for node in self._nodes():
            answer = self._answer(node)
            before = known.items.get(node, {})
            if answer is None:
                found[node] = dict(before)
                continue
            complete = getattr(answer, "complete", True)
            after = items(answer, self._watch.ignore)
            news = difference(before, after, complete=complete).only(self._watch.news)
            news = self._without_parameters(news)
            found[node] = kept(before, after, complete=complete)
            if news and not began:
                fresh[node] = news
                if isinstance(answer, Answer):
                    self._pictures[node] = _picture(answer)
        state = State(known.definition, now, found, given_up=known.given_up, erased=known.erased)
        return state, self._pending(fresh, known, now)

    def _pending(self, fresh: Mapping[str, News], known: State, now: int) -> list[Pending]:
        if not fresh:
            return []
        of = digest(self._watch.name, str(known.evaluated), *(f"{node} {news.id}" for node, news in fresh.items()))
        return [Pending(digest(of, channel.name), channel.name, fresh, now) for channel in self._watch.tell]

    def _nodes(self) -> list[str]:
        """The nodes to ask about; patterns are looked up each time, so that later nodes are found."""
        found: dict[str, None] = {}
        for node in self._watch.nodes:
            matching = self._matching(node) if "*" in node else [node]
            if not matching:
                self._problems.append(f"nothing matches {node!r}")
            found.update(dict.fromkeys(matching))
        return list(found)

    def _matching(self, pattern: str) -> list[str]:
        found: list[str] = []
        begin: str | None = "0"
        while begin is not None:
            page = self._source.ask("matching", [("pattern", pattern), ("limit", 10_000), ("next", begin)]).to_dict()
            found += [str(row["id"]) for row in page["rows"]]
            begin = page["next"]
        return found

    def _answer(self, node: str) -> Result | None:
        parameter = node_parameter(self._watch.question)
        assert parameter is not None, "the definition was checked"
        try:
            return self._source.ask(self._watch.question, [(parameter, node), *self._watch.parameters.items()])
        except WrongUse as error:
            near = f" (did you mean {', '.join(error.suggestions)})" if error.suggestions else ""
            self._problems.append(f"{error.message}{near}")
            return None

    def _without_parameters(self, news: News) -> News:
        """Without what has other literals alone, if none of them is news: a parameter is another one in most runs."""
        brought: dict[str, set[str]] = {}
        changed = {}
        for key, (before, after) in news.changed.items():
            node, was, is_now = expression_of(key, before), form_of(before), form_of(after)
            if node and was.shape == is_now.shape:
                if node not in brought:
                    brought[node] = self._constants_brought(node)
                differing = (new for old, new in zip(was.constants, is_now.constants, strict=True) if old != new)
                if brought[node].isdisjoint(differing):
                    continue
            changed[key] = before, after
        return replace(news, changed=changed)

    def _constants_brought(self, node: str) -> set[str]:
        """The literals that a change of a node's logic brought in place of others: parameters are not among them."""
        asked = self._source.ask("changes", [("node", node), ("type", "all"), ("limit", "10000")])
        found: set[str] = set()
        for row in asked.to_dict()["rows"]:
            before, after = form_of(row["before"] or ""), form_of(row["after"] or "")
            if before.shape == after.shape:
                pairs = zip(before.constants, after.constants, strict=True)
                found.update(new for old, new in pairs if old != new)
        return found

    def _undelivered(self, pending: Pending) -> Pending | None:
        """Deliver a report: None, or what is to be tried again."""
        channel = next((c for c in self._watch.tell if c.is_called(pending.channel)), None)
        if channel is None:
            return None  # the channel was taken out of the file of watches: nobody waits for the report
        watch = self._watch
        pictures = {node: drawn for node, drawn in self._pictures.items() if node in pending.news}
        report = Report(pending.id, watch.name, watch.question, pending.at, pending.news, pictures)
        try:
            self._deliver(channel, report)
        except NotDelivered as error:
            log.warning("%s: %s", watch.name, error)
            self._problems.append(f"{error} (attempt {pending.attempts + 1}; tried again next time)")
            return pending.failed(str(error))
        return None


def _definition(watch: Watch) -> str:
    """A digest of what is asked. Where it changed, the last answer cannot be compared with the next one."""
    asked = [watch.question, dict(watch.parameters), sorted(watch.ignore)]
    return digest(json.dumps(asked, sort_keys=True))


def _picture(answer: Answer) -> str:
    from headwater.queries.drawing.svg import svg

    return svg(answer)
