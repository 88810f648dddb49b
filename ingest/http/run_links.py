"""Where else a run can be looked at: Spark's history server, and the console of AWS Glue.

Pure: the addresses with places in braces for what a run is called there; whoever shows a run fills them in. Not here:
the route (`page`).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}")
#: By the beginning of a region, the domain of the console of its partition.
_DOMAINS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}
_DOMAIN = "console.aws.amazon.com"


@dataclass(frozen=True)
class RunLink:
    """A link for runs whose property `needs` begins with `begins`; `url` has ``{job}``, ``{appId}`` or ``{jobRun}``."""

    title: str
    needs: str
    begins: str
    url: str

    def to_dict(self) -> dict[str, str]:
        """As JSON."""
        return asdict(self)


def run_links(history_server: str | None, glue_region: str | None) -> tuple[RunLink, ...]:
    """The links; the Glue console knows its reader's last region where `glue_region` is not given."""
    spark = f"{history_server}/history/{{appId}}/" if history_server else ""
    domain, where = f"https://{_DOMAIN}", ""
    if glue_region:
        of_partition = (known for begin, known in _DOMAINS.items() if glue_region.startswith(begin))
        domain = f"https://{glue_region}.{next(of_partition, _DOMAIN)}"
        where = f"?region={glue_region}"
    glue = f"{domain}/gluestudio/home{where}#/job/{{job}}/run/{{jobRun}}"
    found = (RunLink("Spark history", "appId", "", spark), RunLink("AWS Glue", "jobRun", "jr_", glue))
    return tuple(link for link in found if link.url)


def checked_history_server(given: str) -> str:
    """The address without a slash at its end. ValueError: it is no http or https address."""
    parts = urlsplit(given)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ValueError(f"expected an address such as http://history.example.com:18080, got {given!r}")
    return given.rstrip("/")


def checked_region(given: str) -> str:
    """The same. ValueError: it is no region of AWS."""
    if not _REGION.fullmatch(given):
        raise ValueError(f"expected a region such as eu-west-1, got {given!r}")
    return given
