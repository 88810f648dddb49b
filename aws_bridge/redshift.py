"""The query history of Amazon Redshift, through its Data API: SYS_QUERY_HISTORY and SYS_QUERY_TEXT, and its columns.

Here: the calls, and the SQL that is asked. Not here: what queries mean (`headwater.sqlhistory`). The role needs
``redshift-data:ExecuteStatement``, ``redshift-data:DescribeStatement``, ``redshift-data:GetStatementResult``, and to
get in ``redshift:GetClusterCredentials`` (a cluster, as a user of the database), ``redshift-serverless:GetCredentials``
(a work group) or ``secretsmanager:GetSecretValue`` (a secret). The user of the database sees the queries of others with
``ALTER USER name SYSLOG ACCESS UNRESTRICTED``.
https://docs.aws.amazon.com/redshift/latest/dg/SYS_QUERY_HISTORY.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headwater.aws_bridge.session import AwsError, Calls, Session, aws_errors

Row = dict[str, Any]  #: column -> value; None for NULL

#: Queries that ended, and are no SELECT, the oldest first, each with the parts of its text.
HISTORY = """
SELECT h.query_id, h.session_id, h.database_name, u.usename AS user_name, h.status, h.error_message,
    DATEDIFF(ms, '1970-01-01', h.start_time) AS started, DATEDIFF(ms, '1970-01-01', h.end_time) AS ended,
    t.sequence, t.text
FROM sys_query_history h
JOIN sys_query_text t ON t.query_id = h.query_id
LEFT JOIN pg_user u ON u.usesysid = h.user_id
WHERE h.query_type <> 'SELECT' AND h.status IN ('success', 'failed', 'canceled')
    AND DATEDIFF(ms, '1970-01-01', h.end_time) >= :since
ORDER BY h.start_time, h.query_id, t.sequence
"""
#: The columns of all tables of one database.
COLUMNS = """
SELECT schema_name, table_name, column_name, data_type
FROM svv_redshift_columns
WHERE database_name = :database
ORDER BY schema_name, table_name, ordinal_position
"""
_POLLS = 600  #: looks at a statement: some half an hour
_FIRST, _LONGEST = 0.5, 3.0  #: seconds between two looks
_LATER = frozenset({"SUBMITTED", "PICKED", "STARTED"})


@dataclass(frozen=True)
class Warehouse:
    """Which one, and as whom: `cluster` or `workgroup`; `user` (of a cluster) or `secret` (an ARN), or neither."""

    database: str
    cluster: str | None = None
    workgroup: str | None = None
    user: str | None = None
    secret: str | None = None

    @property
    def name(self) -> str:
        """The cluster or work group."""
        return self.cluster or self.workgroup or ""

    def asked(self) -> dict[str, str]:
        """As the Data API takes it."""
        given = {
            "Database": self.database,
            "ClusterIdentifier": self.cluster,
            "WorkgroupName": self.workgroup,
            "DbUser": self.user,
            "SecretArn": self.secret,
        }
        return {key: value for key, value in given.items() if value}


class Redshift:
    """One warehouse."""

    def __init__(self, client: Any, warehouse: Warehouse, region: str, sleep: Callable[[float], object]) -> None:
        """`client` is boto3's of the Data API; `sleep` takes seconds, between two looks at a statement."""
        self.warehouse = warehouse
        self.region = region
        self.calls = Calls()
        self._client = self.calls.watch(client)
        self._sleep = sleep

    @classmethod
    def connect(
        cls,
        warehouse: Warehouse,
        region: str | None,
        profile: str | None,
        endpoint: str | None,
        sleep: Callable[[float], object],
    ) -> Redshift:
        """With the credentials of the environment. AwsError: no region, no such profile. NotInstalled."""
        session = Session(region, profile)
        return cls(session.client("redshift-data", endpoint, many_calls=True), warehouse, str(session.region), sleep)

    def history(self, since: int) -> Iterator[Row]:
        """Rows of `HISTORY`: queries that ended at `since` (ms since 1970) or later. NotAllowed, AwsError."""
        return self._rows(HISTORY, since=str(since))

    def columns(self, database: str) -> Iterator[Row]:
        """Rows of `COLUMNS`. NotAllowed, AwsError."""
        return self._rows(COLUMNS, database=database)

    def _rows(self, sql: str, **parameters: str) -> Iterator[Row]:
        given = [{"name": name, "value": value} for name, value in parameters.items()]
        begun = self._called("execute_statement", Sql=sql, Parameters=given, **self.warehouse.asked())
        identifier = begun["Id"]
        self._wait(identifier)
        asked: dict[str, Any] = {"Id": identifier}
        while True:
            page = self._called("get_statement_result", **asked)
            names = [str(one.get("name") or one.get("label")) for one in page.get("ColumnMetadata", ())]
            for record in page.get("Records", ()):
                yield dict(zip(names, map(_value, record), strict=True))
            if not page.get("NextToken"):
                return
            asked = {"Id": identifier, "NextToken": page["NextToken"]}

    def _wait(self, identifier: str) -> None:
        for look in range(_POLLS):
            found = self._called("describe_statement", Id=identifier)
            if found["Status"] == "FINISHED":
                return
            if found["Status"] not in _LATER:
                raise AwsError(f"Redshift: the query of its history {found['Status']}: {found.get('Error', '')}")
            self._sleep(min(_FIRST * (look + 1), _LONGEST))
        raise AwsError("Redshift: the query of its history does not end")

    def _called(self, operation: str, **asked: Any) -> dict[str, Any]:
        with aws_errors("redshift-data", "docs/sql-engines.md"):
            found: dict[str, Any] = getattr(self._client, operation)(**asked)
        return found


def _value(field: Mapping[str, Any]) -> Any:
    """A value of the Data API: ``{"stringValue": "x"}``, ``{"isNull": true}``."""
    return None if field.get("isNull") else next(iter(field.values()), None)
