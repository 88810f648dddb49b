"""The catalogue of a DataZone domain as statements: what people say of tables there, by asset. Pure.

Of an asset: its name, description, project, and the terms of the business glossary, of it and of its columns. What it
is about is the ARN of its table, or the place of its files; the Glue Data Catalog says where a table lies
(`aws_bridge.glue_catalog`), so statements about an ARN are about that place once both are known. Not here: the calls
(`aws_bridge.datazone_catalog_client`).
https://docs.aws.amazon.com/datazone/latest/APIReference/API_GetAsset.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headwater.aws_bridge.glue_catalog import Listed, divided
from headwater.graphmodel.statements.values import BUSINESS_NAME

SOURCE = "datazone"  #: what its statements have as their source
TERM, OWNER = "term", "owner"  #: keys of tags: ``term=GLOSSARY/TERM``, ``owner=PROJECT``

Asset = Mapping[str, Any]  #: as Search lists it, with its forms in ``formsOutput``, as GetAsset answers

_COLUMNS = "ColumnBusinessMetadataForm"
#: Keys of the contents of forms that say what an asset is about: a Glue table; a folder in S3.
_PLACES = ("tableArn", "bucketArn")
_LONGEST = 4_000  #: characters of a text that is kept, as of any description


@dataclass(frozen=True)
class Term:
    """A term of a business glossary."""

    glossary: str
    name: str
    description: str = ""

    @property
    def tag(self) -> str:
        """The tag of what has the term."""
        return f"{TERM}={self.glossary}/{self.name}"

    @property
    def fact(self) -> dict[str, str]:
        """The term as a part of a fact."""
        said = {"term": self.name, "glossary": self.glossary, "description": self.description[:_LONGEST]}
        return {key: value for key, value in said.items() if value}


@dataclass
class Reading:
    """What a domain was read as, for a report."""

    assets: int = 0
    columns: int = 0  #: of which something is said
    terms: int = 0
    without_place: list[str] = field(default_factory=list)  #: names of assets that are no table and no files


def terms_of(glossaries: Iterable[Mapping[str, Any]], terms: Iterable[Mapping[str, Any]]) -> dict[str, Term]:
    """The terms by their ids, from what Search lists of glossaries and of terms; without those that are disabled."""
    names = {str(one["id"]): str(one["name"]) for one in glossaries}
    return {
        str(one["id"]): Term(
            names.get(str(one["glossaryId"]), str(one["glossaryId"])),
            str(one["name"]),
            str(one.get("shortDescription") or one.get("longDescription") or ""),
        )
        for one in terms
        if one.get("status") != "DISABLED"
    }


def snapshots(
    domain: str, assets: Iterable[Asset], terms: Mapping[str, Term], projects: Mapping[str, str], longest: int
) -> tuple[list[dict[str, Any]], Reading]:
    """The snapshots of a domain, as `divided` has them. `projects` are names by id, of those that may be read."""
    reading = Reading(terms=len(terms))
    by_asset: dict[str, Sequence[Listed]] = {}
    for asset in assets:
        subject = subject_of(asset)
        if subject is None:
            reading.without_place.append(str(asset["name"]))
            continue
        listed = list(_statements(asset, subject, terms, projects))
        reading.assets += 1
        reading.columns += len({one["subject"] for one in listed} - {subject})
        by_asset[str(asset["identifier"])] = listed
    return divided(domain, SOURCE, by_asset, longest), reading


def subject_of(asset: Asset) -> str | None:
    """The dataset that an asset is about, as AWS spells it; None: it has no place of its own, like a dashboard."""
    told = [content[key] for content in _forms(asset).values() for key in _PLACES if isinstance(content.get(key), str)]
    for place in (*told, asset.get("externalIdentifier")):
        if place and (place.startswith("arn:") or "://" in place) and not {"*", "#"} & set(place):
            return str(place)
    return None


def has_forms(asset: Asset) -> bool:
    """Whether a list told the forms of an asset; else it is to be asked for by itself."""
    return bool(asset.get("formsOutput"))


def _forms(asset: Asset) -> dict[str, dict[str, Any]]:
    """The contents of the forms of an asset by their names; one that is no JSON object says nothing."""
    found: dict[str, dict[str, Any]] = {}
    for form in asset.get("formsOutput") or ():
        try:
            content = json.loads(form.get("content") or "{}")
        except ValueError:
            continue
        if isinstance(content, dict):
            found[str(form["formName"])] = content
    return found


def _statements(asset: Asset, subject: str, terms: Mapping[str, Term], projects: Mapping[str, str]) -> Iterator[Listed]:
    name, project = str(asset["identifier"]), projects.get(str(asset["owningProjectId"]))
    ids = [*(asset.get("glossaryTerms") or ()), *(asset.get("governedGlossaryTerms") or ())]
    more = {"asset": name, **({"project": project} if project else {})}
    yield from _said(subject, name, str(asset["name"]), asset.get("description"), _known(ids, terms), more)
    if project:
        yield {"kind": "tag", "subject": subject, "value": f"{OWNER}={project}"}
    columns = _forms(asset).get(_COLUMNS, {}).get("columnsBusinessMetadata")
    for column in columns if isinstance(columns, list) else ():
        if isinstance(column, dict) and column.get("columnIdentifier"):
            its_terms = _known(column.get("glossaryTerms") or (), terms)
            place = f"{subject}#{str(column['columnIdentifier']).lower()}"
            yield from _said(place, name, column.get("name"), column.get("description"), its_terms, {})


def _said(
    subject: str, name: str, called: object, described: object, terms: Sequence[Term], more: Mapping[str, Any]
) -> Iterator[Listed]:
    facts = {
        **({BUSINESS_NAME: str(called)[:_LONGEST]} if called else {}),
        **({"terms": [term.fact for term in terms]} if terms else {}),
        **more,
    }
    if facts:
        yield {"kind": "facts", "subject": subject, "name": name, "value": facts}
    if described and str(described).strip():
        yield {"kind": "description", "subject": subject, "value": str(described).strip()[:_LONGEST]}
    for term in terms:
        yield {"kind": "tag", "subject": subject, "value": term.tag}


def _known(ids: Iterable[object], terms: Mapping[str, Term]) -> list[Term]:
    """The terms with these ids, in order of their names. A column's are sometimes objects that have an ``id``."""
    asked = {str(one.get("id") if isinstance(one, Mapping) else one) for one in ids}
    return sorted((terms[one] for one in asked if one in terms), key=lambda term: term.tag)
