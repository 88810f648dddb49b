"""The calls that read Lake Formation: the tags of tables and columns, and all grants.

Here: the calls, page by page. Not here: what the answers come to (`aws_bridge.lake_formation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headwater.aws_bridge.glue_catalog import Database, Table, columns_of, database_of
from headwater.aws_bridge.lake_formation import UNTAGGED, Grant, Tagged, tagged
from headwater.aws_bridge.session import AwsError, Calls, Session, aws_errors

SERVICE = "lakeformation"
_PAGE = 1_000  #: grants of one answer: the most that Lake Formation gives
_NOT_THERE = "EntityNotFoundException"


class LakeFormation:
    """Lake Formation of one account in one region."""

    def __init__(self, region: str | None = None, profile: str | None = None, endpoint: str | None = None) -> None:
        """NotInstalled, AwsError."""
        self.calls = Calls()
        self._client = self.calls.watch(Session(region, profile).client(SERVICE, endpoint, many_calls=True))
        self._grants: dict[str, list[Grant]] = {}
        self._expressions: dict[tuple[str, str], list[Any]] = {}
        self._filters: dict[tuple[str, ...], Mapping[str, Any]] = {}

    def tags(self, database: Database, table: Table) -> Tagged:
        """The tags of a table and its columns. NotAllowed, AwsError.

        An answer about the table need not tell those of its columns; then they are asked for by name.
        """
        own = database_of(database, table)
        place = {"CatalogId": own.catalog, "DatabaseName": own.name, "Name": str(table["Name"])}
        try:
            with aws_errors(SERVICE):
                answer = self._client.get_resource_lf_tags(Resource={"Table": place})
                names = [column["name"] for column in columns_of(table)]
                if names and not answer.get("LFTagsOnColumns"):
                    asked = {"TableWithColumns": {**place, "ColumnNames": names}}
                    more = self._client.get_resource_lf_tags(Resource=asked)
                    answer = {**answer, "LFTagsOnColumns": more.get("LFTagsOnColumns", [])}
                return tagged(answer)
        except AwsError as error:
            if error.code == _NOT_THERE:  # dropped since it was listed
                return UNTAGGED
            raise

    def grants(self, catalog: str) -> list[Grant]:
        """All grants in a catalog, with what named tag expressions and data cells filters say. NotAllowed, AwsError.

        They are read once.
        """
        if catalog not in self._grants:
            self._grants[catalog] = self._read_grants(catalog)
        return self._grants[catalog]

    def _read_grants(self, catalog: str) -> list[Grant]:
        found: list[Grant] = []
        token: dict[str, str] = {}
        with aws_errors(SERVICE):
            while True:
                answer = self._client.list_permissions(CatalogId=catalog, MaxResults=_PAGE, **token)
                found += [self._whole(one) for one in answer.get("PrincipalResourcePermissions", ())]
                if not answer.get("NextToken"):
                    return found
                token = {"NextToken": answer["NextToken"]}

    def _whole(self, grant: Grant) -> Grant:
        resource = grant["Resource"]
        policy, cells = resource.get("LFTagPolicy", {}), resource.get("DataCellsFilter")
        if policy.get("ExpressionName") and not policy.get("Expression"):
            key = (str(policy["CatalogId"]), str(policy["ExpressionName"]))
            if key not in self._expressions:
                answer = self._client.get_lf_tag_expression(CatalogId=key[0], Name=key[1])
                self._expressions[key] = answer["Expression"]
            return {**grant, "Resource": {"LFTagPolicy": {**policy, "Expression": self._expressions[key]}}}
        if cells is not None:
            place = {name: cells[name] for name in ("TableCatalogId", "DatabaseName", "TableName", "Name")}
            found = tuple(place.values())
            if found not in self._filters:
                self._filters[found] = self._client.get_data_cells_filter(**place)["DataCellsFilter"]
            return {**grant, "Resource": {"DataCellsFilter": {**self._filters[found], **cells}}}
        return grant
