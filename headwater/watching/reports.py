"""Writes reports, all text escaped: Markdown for people and pull requests, HTML with a picture, JSON for programs."""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headwater.queries.drawing.escape import shorten, terminal
from headwater.watching.news import News

_SHOWN = 50  #: items of a kind in a report for people, who read no more; JSON has all
_LENGTH = 300  #: characters of one item: an expression of Spark ML can have ten thousand
#: Characters that begin markup in GitHub's Markdown; @ would notify a person of that name.
_MARKDOWN = re.compile(r"([\\`*_\[\]<|~&@])")

_HEADS = (("added", "new"), ("removed", "gone"), ("changed", "changed"))


@dataclass(frozen=True)
class Report:
    """The news of one watch, by the node that was asked about. The same news has the same `id`."""

    id: str
    watch: str
    question: str
    at: int  #: ms since 1970
    news: Mapping[str, News]
    pictures: Mapping[str, str] = field(default_factory=dict)  #: by node: SVG of its answer, where that is lineage

    @property
    def title(self) -> str:
        """The headline, one line."""
        totals = [(sum(len(getattr(news, kind)) for news in self.news.values()), word) for kind, word in _HEADS]
        counted = ", ".join(f"{total:,} {word}" for total, word in totals if total)
        nodes = next(iter(self.news)) if len(self.news) == 1 else f"{len(self.news):,} nodes"
        return f"{self.watch}: {counted} in {self.question} of {nodes}"

    @property
    def time(self) -> str:
        """ISO 8601, UTC, to the second."""
        return dt.datetime.fromtimestamp(self.at / 1000, dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def document(report: Report) -> dict[str, Any]:
    """For programs, as JSON."""
    named = {"id": report.id, "watch": report.watch, "question": report.question, "at": report.time}
    return {**named, "title": report.title, "news": {node: news.to_dict() for node, news in report.news.items()}}


def markdown(report: Report) -> str:
    """For people: GitHub's Markdown, and quite readable as it is."""
    lines = [f"### {_escaped(report.title)}", "", f"{report.time} · {report.id}", ""]
    for node, news in report.news.items():
        lines += [f"#### {_code(node)}", ""] if len(report.news) > 1 else []
        for word, shown, more in _told(news):
            lines += [
                f"**{word}**",
                "",
                *(f"- {_code(text)}" for text in shown),
                *(["- " + more] if more else []),
                "",
            ]
    return "\n".join(lines)


def page(report: Report) -> str:
    """A page of its own, with a picture, without script or network."""
    parts = [f"<h1>{_text(report.title)}</h1><p>{report.time} · {report.id}</p>"]
    for node, news in report.news.items():
        parts.append(f"<h2>{_text(node)}</h2>")
        for word, shown, more in _told(news):
            rows = "".join(f"<li>{_text(text)}</li>" for text in (*shown, *([more] if more else [])))
            parts.append(f"<h3>{word}</h3><ul>{rows}</ul>")
        if node in report.pictures:
            parts.append(f"<div style='overflow-x:auto'>{report.pictures[node]}</div>")
    style = "<style>body{font-family:system-ui,sans-serif;margin:2rem;max-width:80rem}</style>"
    head = f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{_text(report.title)}</title>{style}"
    return f"{head}</head><body>{''.join(parts)}</body></html>\n"


def _told(news: News) -> Iterator[tuple[str, list[str], str]]:
    """Of each kind of change what is shown, and how much more there is."""
    for kind, word in _HEADS:
        shown = list(_items(getattr(news, kind)))
        if shown:
            yield word, shown[:_SHOWN], f"+{len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""


def _items(found: Mapping[str, Any]) -> Iterator[str]:
    for key, content in found.items():
        told = f"{content[0]} → {content[1]}" if isinstance(content, tuple) else content
        yield shorten(f"{key}: {told}" if told else key, _LENGTH)


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", terminal(text))


def _code(text: str) -> str:
    """A code span: nothing in it is markup. The fence is longer than any in the text."""
    shown = terminal(text)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    return f"{fence} {shown} {fence}" if "`" in shown else f"{fence}{shown}{fence}"


def _text(text: str) -> str:
    return html.escape(terminal(text))
