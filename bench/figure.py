"""A measured figure and its goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure; `goal` is an upper bound, or a lower one with `atleast`."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    atleast: bool = False

    def line(self) -> str:
        """For people."""
        if self.goal is None:
            return f"  {self.name:<68}{self.value:>10.2f} {self.unit}"
        met = self.value >= self.goal if self.atleast else self.value <= self.goal
        sign = ">=" if self.atleast else "<="
        goal = f"goal {sign} {self.goal:g}: {'met' if met else 'NOT met'}"
        return f"  {self.name:<68}{self.value:>10.2f} {self.unit:<6} {goal}"
