"""What the templates of `infra` cost a month: quantities, and a table of list prices with its date. Pure.

Prices are those of one region, without taxes, free tiers and savings plans. They were written down from memory of AWS's
public price lists, not fetched: take them as an order of magnitude, and the AWS Pricing Calculator for a budget.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

PRICES_OF = "2026-03, us-east-1"
"""When and where the prices held, as far as is known."""

NOT_COUNTED = "taxes, support, logs (CloudWatch: 0.50 US$ per GB), Container Insights of ECS, traffic between zones"
"""What comes on top, as a text."""

_HOURS = 730  #: of a month

PRICES: Mapping[str, tuple[float, str]] = MappingProxyType(
    {
        "EC2 t4g.small": (0.0168, "hour"),
        "EBS gp3": (0.08, "GB and month"),
        "EBS snapshots": (0.05, "GB and month"),
        "S3 storage": (0.023, "GB and month"),
        "S3 PUT": (0.005 / 1_000, "request"),
        "S3 GET": (0.0004 / 1_000, "request"),
        "Secrets Manager": (0.40, "secret and month"),
        "CloudWatch alarm": (0.10, "alarm and month"),
        "CloudWatch metric": (0.30, "metric and month"),
        "CloudWatch dashboard": (3.00, "dashboard and month"),
        "EventBridge Scheduler": (1.00 / 1_000_000, "start"),
        "Notebook ml.t3.medium": (0.05, "hour"),
        "Notebook disk": (0.14, "GB and month"),
        "CloudWatch detailed monitoring": (2.10, "instance and month"),
        "Neptune Serverless": (0.1608, "NCU and hour"),
        "Neptune storage": (0.10, "GB and month"),
        "Neptune I/O": (0.20 / 1_000_000, "request"),
        "Fargate ARM vCPU": (0.03238, "vCPU and hour"),
        "Fargate ARM memory": (0.00356, "GB and hour"),
        "ALB": (0.0225, "hour"),
        "ALB LCU": (0.008, "LCU and hour"),
        "Interface endpoint": (0.01, "endpoint, zone and hour"),
        "Lambda request": (0.20 / 1_000_000, "request"),
        "Lambda ARM": (0.0000133334, "GB and second"),
        "HTTP API": (1.00 / 1_000_000, "request"),
        "SQS": (0.40 / 1_000_000, "request"),
    }
)  #: name -> US$, per what

_LEDGER_KB, _GRAPH_KB = 2.9, 3.2
"""Of one plan with its event: in the ledger, and in the graph with its tables.

Measured on recorded plans of 9.2 kB, known logic, whose bytes are new at each run; docs/operating.md, "What a run
weighs".
"""


@dataclass(frozen=True)
class Line:
    """One line of an estimate."""

    what: str
    price: str  #: its name in `PRICES`
    quantity: float

    @property
    def usd(self) -> float:
        """US dollars a month."""
        return self.quantity * PRICES[self.price][0]


@dataclass(frozen=True)
class Parts:
    """What of ``team`` is there only if it is asked for."""

    watches: int = 0  #: how often a month they are evaluated, a minute each
    notebook: bool = False  #: an instance that runs all the time
    readers: int = 0  #: tasks that only answer


NO_PARTS = Parts()


def estimate(size: str, plans: int, parts: Parts = NO_PARTS) -> tuple[Line, ...]:
    """The lines of a template, ``one`` or ``team``, with `plans` plans and as many events a month, in its first year.

    ValueError: there is no such template, or it has no such parts.
    """
    if size != "team" and parts != NO_PARTS:
        raise ValueError("watches, readers and a notebook instance are parts of team alone")
    grown = plans * 12 / 2 * (_LEDGER_KB + _GRAPH_KB) / 1e6  # GB in the middle of the first year
    if size == "one":
        return (
            Line("the instance, t4g.small", "EC2 t4g.small", _HOURS),
            Line("its disks: 12 GB, and 20 GB for data, or twice what there is", "EBS gp3", 12 + max(20.0, 2 * grown)),
            Line("a metric each minute", "CloudWatch detailed monitoring", 1),
            Line("the alarm", "CloudWatch alarm", 1),
            Line("the first token", "Secrets Manager", 1),
            Line("nightly backups, 90 of them", "S3 storage", 90 * plans * 6 * _LEDGER_KB / 1e6),
        )
    if size == "team":
        sent = 2.0 * plans  # a plan and an event
        stored = plans * 6 * _LEDGER_KB / 1e6  # GB, in the middle of the first year
        return (
            Line("Neptune Serverless at its floor of one unit", "Neptune Serverless", _HOURS),
            Line("the graph on its disk", "Neptune storage", 10 + plans * 6 * _GRAPH_KB / 1e6),
            Line("writes of the graph, some 20 to a plan", "Neptune I/O", 20.0 * plans),
            Line("the task: 2 vCPU", "Fargate ARM vCPU", 2 * _HOURS),
            Line("the task: 8 GB", "Fargate ARM memory", 8 * _HOURS),
            Line("the load balancer", "ALB", _HOURS),
            Line("its use, at the least", "ALB LCU", _HOURS),
            Line("five endpoints in two zones (without sign-in; a NAT with it)", "Interface endpoint", 10 * _HOURS),
            Line("two secrets, and the client's", "Secrets Manager", 3),
            Line("the alarms", "CloudWatch alarm", 7),
            Line("the dashboard", "CloudWatch dashboard", 1),
            Line("Headwater's metrics", "CloudWatch metric", _METRICS),
            *_of_parts(parts),
            Line("what the receiver takes, if all comes over HTTP", "HTTP API", sent),
            Line("its function's calls", "Lambda request", sent),
            Line("its function's time: 0.1 s with 1 GB", "Lambda ARM", 0.1 * sent),
            Line("objects put into the inbox and the ledger", "S3 PUT", 1.01 * sent),
            Line("objects read", "S3 GET", sent),
            Line("messages: sent, received, deleted", "SQS", 3 * sent),
            Line("inbox, 90 days of it, and ledger", "S3 storage", stored + 3 * plans * _LEDGER_KB / 1e6),
        )
    raise ValueError(f"no costs are known for {size!r}")


_METRICS = 13  #: of receiver, ingester and graph: `ingest.process.emf`


def _of_parts(parts: Parts) -> tuple[Line, ...]:
    found: list[Line] = []
    if parts.readers:
        found += [
            Line("readers: 0.5 vCPU each", "Fargate ARM vCPU", 0.5 * parts.readers * _HOURS),
            Line("readers: 1 GB each", "Fargate ARM memory", parts.readers * _HOURS),
            Line("readers: their alarm", "CloudWatch alarm", 1),
            Line("readers: their metrics", "CloudWatch metric", 2),
        ]
    if parts.watches:
        found += [
            Line("watches: their starts", "EventBridge Scheduler", parts.watches),
            Line("watches: 0.5 vCPU, a minute each", "Fargate ARM vCPU", 0.5 * parts.watches / 60),
            Line("watches: 1 GB, a minute each", "Fargate ARM memory", parts.watches / 60),
            Line("watches: their endpoint for SNS in two zones", "Interface endpoint", 2 * _HOURS),
            Line("watches: their alarm", "CloudWatch alarm", 1),
            Line("watches: their metrics", "CloudWatch metric", 2),
        ]
    if parts.notebook:
        found += [
            Line("the notebook instance, if it runs all the time", "Notebook ml.t3.medium", _HOURS),
            Line("its disk", "Notebook disk", 20),
        ]
    return tuple(found)
