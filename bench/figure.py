"""A measured figure and its goal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure. `goal` is the highest value that is wanted, or with `at_least` the lowest."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    at_least: bool = False

    def line(self) -> str:
        """The figure as a line of text."""
        if self.goal is None:
            return f"  {self.name:<68}{self.value:>10.2f} {self.unit}"
        met = self.value >= self.goal if self.at_least else self.value <= self.goal
        sign = ">=" if self.at_least else "<="
        goal = f"goal {sign} {self.goal:g}: {'met' if met else 'NOT met'}"
        return f"  {self.name:<68}{self.value:>10.2f} {self.unit:<6} {goal}"
