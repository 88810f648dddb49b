"""An impact answer in Python: what a notebook draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headwater.shown import Drawn

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from headwater.queries.answers import impact as affected
    from headwater.queries.answers.answer import Edge
    from headwater.queries.answers.impact import ImpactAnswer


class Impact(Drawn):
    """What a change of a node comes to. Edges of a `path` point the way the data flows."""

    def __init__(self, answer: affected.Impact) -> None:
        super().__init__(answer)
        self._answer = answer

    @property
    def root(self) -> str:
        """The id of the node that is changed."""
        return self._answer.root

    @property
    def totals(self) -> Mapping[str, Mapping[str, int]]:
        """How many columns, datasets and jobs, by grade."""
        return self._answer.totals

    @property
    def affected(self) -> tuple[ImpactAnswer, ...]:
        """Columns, datasets and jobs, ordered by grade (the worst first), distance, label and id."""
        return self._answer.affected

    @property
    def breaks(self) -> bool:
        """Whether anything breaks."""
        return self._answer.breaks

    def path(self, item: ImpactAnswer) -> tuple[Edge, ...]:
        """The shortest path of the worst grade to something affected, from the root on."""
        return self._answer.path(item)

    def to_pandas(self) -> pd.DataFrame:
        """One row for each of the affected. Needs the extra `frames`."""
        import pandas as pd

        return pd.DataFrame([item.to_dict() for item in self.affected])

    def to_markdown(self) -> str:
        """For a pull request."""
        from headwater.queries.drawing.impact import markdown

        return markdown(self._answer)

    def to_svg(self) -> str:
        """A picture of the paths to what is affected, the worst to each."""
        from headwater.queries.drawing.impact_html import picture
        from headwater.queries.drawing.svg import svg

        return svg(picture(self._answer))

    def __str__(self) -> str:
        from headwater.queries.drawing.impact import plain

        return plain(self._answer)

    def __repr__(self) -> str:
        counted = ", ".join(f"{sum(of.values())} {grade}" for grade, of in self.totals.items() if any(of.values()))
        state = "complete" if self.complete else f"not complete: {self.reason}"
        return f"<Impact of {self._answer.change} of {self.root}: {counted or 'nothing'}, {state}>"
