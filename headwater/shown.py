"""What all answers in Python share, and what those share that a notebook draws."""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from typing import Any, Protocol


class Shape(Protocol):
    """An answer as `queries` has it."""

    @property
    def complete(self) -> bool:
        """Whether it is all."""

    @property
    def reason(self) -> str | None:
        """Why it is not."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""


class Shown:
    """An answer. Made by a `headwater.Graph`."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    @property
    def complete(self) -> bool:
        """Whether this is all; else `reason` says why not: limit, deadline or depth."""
        return self._shape.complete

    @property
    def reason(self) -> str | None:
        """Why it is not complete."""
        return self._shape.reason

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON, in the shape of the HTTP API."""
        return self._shape.to_dict()


class Drawn(Shown, ABC):
    """An answer that has a picture, and is readable as text."""

    @abstractmethod
    def to_svg(self) -> str:
        """The picture that a notebook shows: SVG without script or network, for a file or a page."""

    def _repr_svg_(self) -> str:
        """The picture, for what shows no HTML."""
        return self.to_svg()

    def _repr_html_(self) -> str:
        """The picture, for a notebook, above the text: escaped, without a network."""
        return f"<div style='overflow-x:auto'>{self.to_svg()}</div>{self._text_html()}"

    def _text_html(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
