"""A Kafka topic to which Spline's agents, or OpenLineage's clients, send: all that it holds now, as it was sent.

``kafka://HOST:PORT/TOPIC`` reads each partition from its first message to the last one that there is at the start, and
commits nothing: other readers do not notice, and the ledger knows what was loaded before. Needs the extra `kafka`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import orjson

from headwater.errors import Unreachable, WrongUse, how_to_install

if TYPE_CHECKING:
    from headwater.ingest.progress import Progress
    from headwater.moving_in import Refuse

_POLL_MS = 1_000
_CONNECT_SECONDS = 10.0
_BOOTSTRAP_MS = 20_000
_EMPTY_POLLS = 60  #: without a message before the last one has come: the broker lost them, or does not answer

Connect = Callable[..., Any]
"""(names of brokers, settings) -> a `kafka.KafkaConsumer`."""


@dataclass(frozen=True)
class Topic:
    """A topic of some brokers, ``HOST:PORT`` each. `settings` are those of kafka-python's consumer."""

    brokers: tuple[str, ...]
    name: str
    settings: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, place: str) -> Topic:
        """Of ``kafka://HOST:PORT[,HOST:PORT]/TOPIC``; a user and password in it are those of SASL/PLAIN. WrongUse."""
        try:
            parts = urlsplit(place)
        except ValueError as error:
            raise WrongUse(f"{place}: {error}") from None
        name = unquote(parts.path.strip("/"))
        user, at, hosts = parts.netloc.rpartition("@")
        brokers = tuple(host if ":" in host else f"{host}:9092" for host in hosts.split(",") if host)
        if not brokers or not name or "/" in name:
            raise WrongUse("expected kafka://HOST:PORT/TOPIC")
        settings = {}
        if at:
            login, _, password = user.partition(":")
            settings = {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": unquote(login),
                "sasl_plain_password": unquote(password),
            }
        return cls(brokers, name, settings)

    def copy(
        self, into: Path, progress: Progress, _refuse: Refuse | None = None, connect: Connect | None = None
    ) -> list[Path]:
        """The messages of all partitions, one a line. WrongUse: no such topic, no client. Unreachable."""
        if connect is None:
            connect = _client()
            self._refuse_if_away()
        from kafka import TopicPartition
        from kafka.errors import KafkaError

        try:
            consumer = connect(
                bootstrap_servers=list(self.brokers),
                enable_auto_commit=False,
                group_id=None,
                auto_offset_reset="earliest",
                client_id="headwater-load",
                bootstrap_timeout_ms=_BOOTSTRAP_MS,
                **self.settings,
            )
        except KafkaError as error:
            raise Unreachable(f"no broker of {','.join(self.brokers)} can be reached: {error}") from None
        try:
            numbers = consumer.partitions_for_topic(self.name)
            if not numbers:
                raise WrongUse(f"there is no topic {self.name} at {','.join(self.brokers)}")
            parts = [TopicPartition(self.name, number) for number in sorted(numbers)]
            return [self._copied(consumer, parts, into, progress)]
        except KafkaError as error:
            raise Unreachable(f"{','.join(self.brokers)}: {error}") from None
        finally:
            consumer.close()

    def _refuse_if_away(self) -> None:
        """Unreachable: no broker takes a connection. The client itself says so after half a minute only."""
        reasons = []
        for broker in self.brokers:
            host, _, port = broker.rpartition(":")
            if not port.isdigit():
                raise WrongUse(f"expected kafka://HOST:PORT/TOPIC, not {broker}")
            try:
                socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
            except OSError as error:
                reasons.append(f"{broker}: {error.strerror or error}")
            else:
                return
        raise Unreachable(f"no broker can be reached: {'; '.join(reasons)}")

    def _copied(self, consumer: Any, parts: list[Any], into: Path, progress: Progress) -> Path:
        consumer.assign(parts)
        begin, end = consumer.beginning_offsets(parts), consumer.end_offsets(parts)
        for part in parts:
            consumer.seek(part, begin[part])
        total = sum(end[part] - begin[part] for part in parts)
        file = into / "messages.ndjson"
        empty = 0
        with file.open("wb") as out:
            while any(consumer.position(part) < end[part] for part in parts):
                polled = consumer.poll(timeout_ms=_POLL_MS)
                empty = 0 if polled else empty + 1
                if empty > _EMPTY_POLLS:
                    raise Unreachable(f"the topic {self.name} ends before its last message: load it again")
                for part, messages in polled.items():
                    out.writelines(line(one.value) for one in messages if one.offset < end[part] and one.value)
                progress(sum(min(consumer.position(part), end[part]) - begin[part] for part in parts), max(total, 1))
        return file


def line(value: bytes) -> bytes:
    """A message as one line: its JSON without line ends; what is no JSON stays, and is refused with its line."""
    try:
        return orjson.dumps(orjson.loads(value)) + b"\n"
    except orjson.JSONDecodeError:
        return value.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def _client() -> Connect:
    try:
        from kafka import KafkaConsumer
    except ImportError:
        raise WrongUse(f"reading a Kafka topic needs the extra kafka: {how_to_install('kafka')}") from None
    return KafkaConsumer  # type: ignore[no-any-return]  # kafka-python ships no types
