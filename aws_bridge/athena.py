"""The query history of Amazon Athena, and the tables of the Glue Data Catalog that its queries name.

Here: the calls. Not here: what queries mean (`headwater.sqlhistory`). The role needs ``athena:ListQueryExecutions``,
``athena:BatchGetQueryExecution``, ``athena:ListWorkGroups`` (where no work group is named) and ``glue:GetTable``.
https://docs.aws.amazon.com/athena/latest/APIReference/API_BatchGetQueryExecution.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from headwater.aws_bridge.session import AwsError, Calls, Session, aws_errors

Page = list[dict[str, Any]]  #: QueryExecution, as Athena gives it

_errors = partial(aws_errors, page="docs/sql-engines.md")
_ABSENT = frozenset({"EntityNotFoundException", "InvalidInputException"})


class Athena:
    """One account's queries in one region."""

    def __init__(self, athena: Any, glue: Any, region: str) -> None:
        """`athena` and `glue` are boto3's clients."""
        self.region = region
        self.calls = Calls()
        self._athena, self._glue = self.calls.watch(athena), self.calls.watch(glue)

    @classmethod
    def connect(cls, region: str | None, profile: str | None, endpoint: str | None) -> Athena:
        """With the credentials of the environment. AwsError: no region, no such profile. NotInstalled."""
        session = Session(region, profile)
        athena, glue = (session.client(service, endpoint, many_calls=True) for service in ("athena", "glue"))
        return cls(athena, glue, str(session.region))

    def workgroups(self) -> list[str]:
        """The names of all work groups. NotAllowed, AwsError."""
        names: list[str] = []
        asked: dict[str, Any] = {}
        while True:
            with _errors("athena"):
                page = self._athena.list_work_groups(**asked)
            names += [one["Name"] for one in page.get("WorkGroups", ())]
            if not page.get("NextToken"):
                return names
            asked = {"NextToken": page["NextToken"]}

    def queries(self, workgroup: str) -> Iterator[Page]:
        """The queries of a work group, the newest first, in pages of at most 50. NotAllowed, AwsError."""
        asked: dict[str, Any] = {"WorkGroup": workgroup}
        while True:
            with _errors("athena"):
                page = self._athena.list_query_executions(**asked)
            identifiers = page.get("QueryExecutionIds", [])
            if identifiers:
                yield self.executions(identifiers)
            if not page.get("NextToken"):
                return
            asked = {"WorkGroup": workgroup, "NextToken": page["NextToken"]}

    def executions(self, identifiers: Sequence[str]) -> Page:
        """These queries, in this order; one that Athena has forgotten is not there. At most 50."""
        with _errors("athena"):
            page = self._athena.batch_get_query_execution(QueryExecutionIds=list(identifiers))
        known = {one["QueryExecutionId"]: one for one in page.get("QueryExecutions", ())}
        return [known[one] for one in identifiers if one in known]

    def table(self, database: str, name: str) -> dict[str, Any] | None:
        """A table of the Glue Data Catalog; None: there is none. NotAllowed, AwsError."""
        try:
            with _errors("glue"):
                found: dict[str, Any] = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        except AwsError as error:
            if error.code in _ABSENT:
                return None
            raise
        return found
