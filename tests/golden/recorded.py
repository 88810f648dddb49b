"""The recorded jobs: their payloads as the agent sent them, and the truth that was derived by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAYLOADS = Path(__file__).parents[1] / "payloads"
FLAT = "application/vnd.absa.spline.producer.v1.2+json"
NESTED = "application/json"


@dataclass(frozen=True)
class Payload:
    """One recorded body, with the content type that it was sent with."""

    case: str
    file: str
    kind: str
    content_type: str

    @property
    def body(self) -> bytes:
        return (PAYLOADS / self.case / self.file).read_bytes()

    def __str__(self) -> str:
        return f"{self.case}/{self.file}"


def cases() -> list[str]:
    """All recorded jobs."""
    return sorted(path.parent.name for path in PAYLOADS.glob("*/requests.jsonl"))


def payloads(case: str) -> list[Payload]:
    """The plans and events of a job, in the order they were sent."""
    out = []
    for line in (PAYLOADS / case / "requests.jsonl").read_text().splitlines():
        request = json.loads(line)
        if request.get("file"):
            headers = {name.lower(): value for name, value in request["headers"]}
            out.append(Payload(case, request["file"], request["kind"], headers["content-type"]))
    return out


def expected(case: str) -> dict[str, Any] | None:
    """The truth of a job, where one was derived."""
    path = PAYLOADS / case / "expected.json"
    return json.loads(path.read_text()) if path.exists() else None


ALL = [payload for case in cases() for payload in payloads(case)]
