"""The calls that read the catalogue of a DataZone domain: glossaries, terms, assets, projects.

Here: the calls, page by page. Not here: what the answers come to (`aws_bridge.datazone_catalog`), lineage events
(`aws_bridge.datazone`). Which assets are listed depends on the projects of which the caller is a member.
https://docs.aws.amazon.com/datazone/latest/APIReference/API_Search.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from headwater.aws_bridge.datazone_catalog import Asset, has_forms
from headwater.aws_bridge.session import AwsError, Calls, NotAllowed, Session, aws_errors

SERVICE = "datazone"
_PAGE = 50  #: the most that Search gives
#: By the scope of a search: the key of an item that has what was searched for.
_ITEMS = {"ASSET": "assetItem", "GLOSSARY": "glossaryItem", "GLOSSARY_TERM": "glossaryTermItem"}
_NOT_THERE = "ResourceNotFoundException"


class DomainCatalog:
    """The catalogue of one domain."""

    def __init__(
        self, domain: str, region: str | None = None, profile: str | None = None, endpoint: str | None = None
    ) -> None:
        """NotInstalled, AwsError."""
        self.domain = domain
        self.calls = Calls()
        self.unreadable: list[str] = []  #: what the caller may not read, a sentence each
        self._client = self.calls.watch(Session(region, profile).client(SERVICE, endpoint, many_calls=True))

    def glossaries(self) -> list[Mapping[str, Any]]:
        """All glossaries. NotAllowed, AwsError."""
        return list(self._search("GLOSSARY"))

    def terms(self) -> list[Mapping[str, Any]]:
        """All terms of them. NotAllowed, AwsError."""
        return list(self._search("GLOSSARY_TERM"))

    def assets(self) -> Iterator[Asset]:
        """All assets that are seen, with their forms. NotAllowed, AwsError.

        A list tells the forms; an asset without any is asked for by itself.
        """
        for asset in self._search("ASSET", additionalAttributes=["FORMS"]):
            told = {**asset, **(asset.get("additionalAttributes") or {})}
            yield told if has_forms(told) else {**told, "formsOutput": self._forms(str(asset["identifier"]))}

    def project(self, identifier: str) -> str | None:
        """The name of a project; None: it may not be read (which is noted), or is gone. AwsError."""
        found = self._one("get_project", identifier)
        return str(found["name"]) if found else None

    def _forms(self, asset: str) -> list[Any]:
        found = self._one("get_asset", asset)
        return list(found["formsOutput"]) if found else []

    def _one(self, operation: str, identifier: str) -> dict[str, Any] | None:
        try:
            with aws_errors(SERVICE):
                found: dict[str, Any] = getattr(self._client, operation)(
                    domainIdentifier=self.domain, identifier=identifier
                )
                return found
        except NotAllowed as error:
            self.unreadable.append(f"{identifier}: {error}")
            return None
        except AwsError as error:
            if error.code != _NOT_THERE:  # else it was removed since it was listed
                raise
            return None

    def _search(self, scope: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        token: dict[str, str] = {}
        while True:
            with aws_errors(SERVICE):
                answer = self._client.search(
                    domainIdentifier=self.domain, searchScope=scope, maxResults=_PAGE, **asked, **token
                )
            yield from (one[_ITEMS[scope]] for one in answer.get("items", ()) if _ITEMS[scope] in one)
            if not answer.get("nextToken"):
                return
            token = {"nextToken": answer["nextToken"]}
