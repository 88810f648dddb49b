"""Watches: what a file of them may say, what counts as new, when they are due, how reports read."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.errors import Unreachable, WrongUse
from headwater.queries.answers.answer import Answer, Edge, Table
from headwater.watching.channels import NotDelivered, _webhook, deliver, is_public
from headwater.watching.definitions import Channel, Watch, parse
from headwater.watching.news import difference, items, kept
from headwater.watching.reports import Report, markdown, page
from headwater.watching.serving import next_time, serve

GOOD = """\
timezone: Europe/Berlin
watches:
  - name: revenue
    nodes: ["s3://lake/mart/orders#revenue", "s3://lake/raw/*"]
    question: upstream
    parameters: {type: all, depth: 3}
    schedule: "0 6 * * 1-5"
    news: [added, removed]
    tell:
      - stdout
      - {file: "reports/{watch}.html", format: html}
      - {webhook: "https://example.org/hook?key=geheim", secret: HOOK_KEY}
      - {sns: "arn:aws:sns:eu-west-1:123456789012:lineage"}
"""


def test_a_file_of_watches() -> None:
    (watch,) = parse(GOOD.encode(), "w.yaml")
    assert (watch.name, watch.timezone, watch.parameters) == ("revenue", "Europe/Berlin", {"type": "all", "depth": 3})
    names = [channel.name for channel in watch.tell]
    assert names[:3] == ["stdout", "file reports/{watch}.html", "webhook https://example.org (753f4d54)"]


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("question: upstream", "question: upstrem", "w.yaml:5:15: there is no question 'upstrem' about a node"),
        ("question: upstream", "question: search", "w.yaml:5:15: there is no question 'search' about a node"),
        ("    schedule:", "    shedule:", "w.yaml:7:5: unknown key 'shedule'"),
        ('"0 6 * * 1-5"', '"0 26 * * 1-5"', "w.yaml:7:15: the schedule '0 26 * * 1-5' is not cron's"),
        ('"0 6 * * 1-5"', '"0 6 30 2 *"', "w.yaml:7:15: the schedule '0 6 30 2 *'"),
        ("Europe/Berlin", "Europe/Bärlin", "w.yaml:1:11: there is no time zone 'Europe/Bärlin'"),
        ("depth: 3", "dept: 3", "w.yaml:6:29: upstream has no parameter 'dept'"),
        ("depth: 3", "node: x", "w.yaml:6:29: upstream has no parameter 'node'"),
        ("name: revenue", "name: ../x", "w.yaml:3:11: watches.0.name"),
        ("- stdout", "- stdot", "w.yaml:10:9: expected stdout, or a mapping"),
        ("https://example", "ftp://example", "w.yaml:12:9: expected stdout, or a mapping"),
        ("[added, removed]", "[added, gone]", "w.yaml:8:19: watches.0.news.1"),
        ("    nodes: [", "    nodes: [[", "no YAML"),
        (GOOD, "", "w.yaml:1:1: the file"),
        (GOOD, "watches: &a [*a]", "w.yaml:1:10: a part of the file holds itself by an alias"),
        ("- stdout", "- stdout\n      - stdout", "w.yaml:11:9: stdout is told twice"),
        (
            "watches:\n",
            "watches:\n  - {name: revenue, nodes: [x], question: upstream, tell: [stdout]}\n",
            "two watches",
        ),
    ],
)
def test_a_mistake_is_reported_with_its_place(before: str, after: str, message: str) -> None:
    assert before in GOOD
    with pytest.raises(WrongUse) as refused:
        parse(GOOD.replace(before, after).encode(), "w.yaml")
    assert message in refused.value.message


def test_aliases_are_bounded_by_what_they_stand_for() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    with pytest.raises(WrongUse, match="written out it has more than 200,000 parts"):
        parse("\n".join(lines).encode(), "w.yaml")
    with pytest.raises(WrongUse, match="more than 1,048,576 bytes"):
        parse(b"#" * (2**20 + 1), "w.yaml")
    shared = GOOD.replace("- stdout", "- &out stdout") + "  - {name: b, nodes: [x], question: upstream, tell: [*out]}\n"
    assert [watch.name for watch in parse(shared.encode(), "w.yaml")] == ["revenue", "b"]


def test_a_webhook_is_named_without_what_opens_it_and_no_two_share_a_name() -> None:
    slack = "https://hooks.slack.com/services/T0/B0/geheim"
    targets = [slack, f"{slack}2", "https://h/x?a=1", "https://h/x?a=2", "https://ann:geheim@h/x", "https://h:8443/x"]
    names = [Channel("webhook", target).name for target in targets]
    assert len(set(names)) == len(names)
    assert [name.rpartition(" (")[0] for name in names] == [
        "webhook https://hooks.slack.com",
        "webhook https://hooks.slack.com",
        "webhook https://h",
        "webhook https://h",
        "webhook https://h",
        "webhook https://h:8443",
    ]
    assert Channel("webhook", targets[2]).is_called("webhook https://h/x")  # of a report that waits since before


PUBLIC = ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"]
SPECIAL = [
    *("127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *(
        "192.88.99.1",
        "192.0.2.1",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00::1",
        "fec0::1",
        "ff0e::1",
        "2001:db8::1",
    ),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::101:101", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:101:101::1", "100::1", "4000::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", SPECIAL)
def test_an_address_of_a_special_purpose_is_not_public(address: str) -> None:
    assert not is_public(address)


REPORT = Report("id", "revenue", "upstream", 0, {})


def answering(handler: Callable[[BufferedIOBase, BufferedIOBase], None]) -> AbstractContextManager[str]:
    """A server on loopback that answers each connection so; its URL."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                handler(self.rfile, self.wfile)

    @contextmanager
    def serving() -> Iterator[str]:
        with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield f"http://localhost:{server.server_address[1]}/hook?key=geheim"
            finally:
                server.shutdown()
                thread.join()

    return serving()


def test_a_webhook_is_asked_by_its_name() -> None:
    seen: list[bytes] = []

    def handler(incoming: BufferedIOBase, outgoing: BufferedIOBase) -> None:
        while (line := incoming.readline().strip()) != b"":
            seen.append(line)
        outgoing.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    with answering(handler) as url:
        deliver(Channel("webhook", url, {"private": True}), REPORT)
        port = urlsplit(url).port
    assert f"Host: localhost:{port}".encode() in seen


@pytest.mark.parametrize("piece", [b"HTTP/1.1 100 Continue\r\n\r\n", b"H"])
def test_a_webhook_that_answers_without_end_is_given_up(piece: bytes) -> None:
    def handler(_: BufferedIOBase, outgoing: BufferedIOBase) -> None:
        while True:
            outgoing.write(piece)

    with (
        answering(handler) as url,
        pytest.raises(NotDelivered, match=r"does not answer: (not within|LineTooLong)") as no,
    ):
        _webhook(Channel("webhook", url, {"private": True}), REPORT, 0.2)
    assert "geheim" not in str(no.value)


def test_python_in_yaml_is_not_run() -> None:
    with pytest.raises(WrongUse, match="no YAML"):
        parse(b"watches: !!python/object/apply:os.system [false]", "w.yaml")


@pytest.mark.parametrize(
    ("line", "zone", "after", "due"),
    [
        ("0 6 * * 1", "UTC", "2026-11-26T00:00+00:00", "2026-11-30T06:00+00:00"),  # 1 is Monday, as cron has it
        ("0 6 * * 0", "UTC", "2026-11-26T00:00+00:00", "2026-11-29T06:00+00:00"),
        ("0 6 * * *", "Europe/Berlin", "2026-11-26T05:30+00:00", "2026-11-27T05:00+00:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00+00:00", "2026-03-29T01:00+00:00"),  # an hour that is skipped
    ],
)
def test_when_a_watch_is_due(line: str, zone: str, after: str, due: str) -> None:
    found = next_time(scheduled("one", line, zone), dt.datetime.fromisoformat(after))
    assert found == dt.datetime.fromisoformat(due)


def scheduled(name: str, line: str, zone: str = "UTC") -> Watch:
    (watch,) = parse(GOOD.encode(), "w.yaml")
    return replace(watch, name=name, schedule=line, timezone=zone)


class Waits(threading.Event):
    """An event whose waits take no time: they move the clock, which other waits cannot see."""

    def __init__(self, start: str, until: str, slept: tuple[str, str] = ("", "")) -> None:
        super().__init__()
        self.now, self.until = dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(until)
        self.asleep, self.awake = (dt.datetime.fromisoformat(at) if at else self.until for at in slept)

    def clock(self) -> dt.datetime:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "a wait without an end would not notice a clock that was set"
        self.now += dt.timedelta(seconds=timeout)
        if self.asleep <= self.now < self.awake:
            self.now = self.awake
        if self.now >= self.until:
            self.set()
        return self.is_set()


def ran(watches: list[Watch], stop: Waits, takes: dt.timedelta = dt.timedelta()) -> list[str]:
    """What ran, and when, of watches that each take a time."""
    done = list[str]()

    def run(one: Watch) -> None:
        done.append(f"{one.name} {stop.now:%H:%M:%S}")
        stop.now += takes

    serve(watches, run, stop, clock=stop.clock)
    return done


def test_each_watch_runs_when_it_is_due() -> None:
    watches = [scheduled("two", "0 */2 * * *"), scheduled("never again", "0 6 * * *"), scheduled("half", "30 * * * *")]
    stop = Waits("2026-11-26T06:00:00+00:00", "2026-11-26T09:00:00+00:00")
    assert ran(watches, stop) == ["half 06:30:00", "half 07:30:00", "two 08:00:00", "half 08:30:00"]


def test_what_was_missed_is_made_up_for_once_if_it_is_not_too_late() -> None:
    slept = ("2026-11-26T06:00:10+00:00", "2026-11-26T08:10:00+00:00")
    watches = [scheduled("often", "*/5 * * * *"), scheduled("early", "1 7 * * *"), scheduled("late", "20 7 * * *")]
    stop = Waits("2026-11-26T06:00:00+00:00", "2026-11-26T08:15:00+00:00", slept)
    assert ran(watches, stop) == ["often 08:10:00", "late 08:10:00"]


def test_one_that_takes_long_makes_others_wait_and_is_not_run_twice_for_it() -> None:
    watches = [scheduled("long", "0 6 * * *"), scheduled("other", "5 6 * * *")]
    stop = Waits("2026-11-26T05:59:00+00:00", "2026-11-26T07:00:00+00:00")
    assert ran(watches, stop, dt.timedelta(minutes=10)) == ["long 06:00:00", "other 06:10:00"]


def test_a_watch_that_fails_does_not_end_the_others() -> None:
    watches = [scheduled(name, "0 6 * * *") for name in ("bad", "worse", "good")]
    stop, names = Waits("2026-11-26T05:59:00+00:00", "2026-11-26T07:00:00+00:00"), list[str]()
    errors: dict[str, Exception] = {"bad": Unreachable("away"), "worse": ZeroDivisionError()}

    def run(one: Watch) -> None:
        names.append(one.name)
        if one.name in errors:
            raise errors[one.name]

    serve(watches, run, stop, clock=stop.clock)
    assert names == ["bad", "worse", "good"]


# what is new

texts = st.sampled_from("abc")
some_items = st.dictionaries(texts, texts)


@given(some_items, some_items)
def test_the_difference_leads_from_one_answer_to_the_other(before: dict[str, str], after: dict[str, str]) -> None:
    news = difference(before, after, complete=True)
    applied = {k: v for k, v in before.items() if k not in news.removed} | dict(news.added)
    applied |= {key: new for key, (_, new) in news.changed.items()}
    assert applied == after == kept(before, after, complete=True)
    assert bool(news) == (before != after)
    assert not difference(after, after, complete=True)


@given(some_items, some_items)
def test_what_an_incomplete_answer_leaves_out_is_not_gone(before: dict[str, str], after: dict[str, str]) -> None:
    assert difference(before, after, complete=False).removed == {}
    left = kept(before, after, complete=False)
    assert not difference(left, {**left}, complete=True)
    assert left.keys() == before.keys() | after.keys()


def edge(**more: object) -> Edge:
    return Edge("a#x", "b#y", "DIRECT", "IDENTITY", **more)  # type: ignore[arg-type]


def answer(*edges: Edge) -> Answer:
    return Answer("b#y", "upstream", None, "direct", None, (), edges)


def test_an_edge_is_the_same_item_whichever_plan_reports_it() -> None:
    one = items(answer(edge(expression="x", job="job:a", plan="1")))
    assert one == items(answer(edge(expression="x", job="job:a", plan="2")))
    assert one == {"a#x -> b#y (DIRECT identity)": "x, by job:a"}
    assert one != items(answer(edge(expression="x + 1", job="job:a", plan="1")))


def test_rows_are_identified_by_name_or_by_all_their_values() -> None:
    rows = ({"id": "p", "runs": 1}, {"id": "q", "runs": 2}, {"id": "q", "runs": 3})
    found = items(Table("plans", {}, ("id", "runs"), rows), ignored=["runs"])
    assert list(found) == ["p", 'q {"id": "q", "runs": 2}', 'q {"id": "q", "runs": 3}']
    assert found["p"] == "id: p"


# reports

HOSTILE = "x`*[a](javascript:1)<script>@all\x1b[31m\n# head"


def test_a_report_shows_other_peoples_text_as_text() -> None:
    news = difference({}, {HOSTILE: HOSTILE}, complete=True)
    report = Report("id", "w", "upstream", 0, {HOSTILE: news})
    assert "\x1b" not in markdown(report) + page(report)
    assert "<script" not in page(report)
    assert not any(line.startswith("# head") for line in markdown(report).splitlines())
    ET.fromstring(page(report).removeprefix("<!doctype html>").replace("<meta charset='utf-8'>", ""))


def test_a_long_report_is_folded() -> None:
    news = difference({}, {f"k{n:03}": "" for n in range(262)}, complete=True)
    report = Report("id", "w", "upstream", 0, {"n": news})
    assert report.title == "w: 262 new in upstream of n"
    assert "+212 more" in markdown(report)
    assert "+212 more" in page(report)


def test_a_file_that_cannot_be_written_is_a_report_that_was_not_delivered() -> None:
    with pytest.raises(NotDelivered, match="cannot be written"):
        deliver(Channel("file", "no\0file"), REPORT)
