"""What one run puts into a name, as regular expressions: dates and times, and ids of runs; and a job's name without it.

Pure. What of it folds in the names of datasets is in `graphmodel.naming_rules`.
"""

from __future__ import annotations

import re

YEAR, MONTH, DAY = "(?:19|20)[0-9]{2}", "(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])"
HOUR = "(?:[01][0-9]|2[0-3])"
DATE = "|".join(
    [*(rf"{YEAR}{between}{MONTH}{between}{DAY}" for between in ("", "-", "_", r"\.")), rf"{DAY}\.{MONTH}\.{YEAR}"]
)
"""A day: 20260131, 2026-01-31, 2026_01_31, 2026.01.31, 31.01.2026.

OpenLineage's agents leave out the same ones, and months, but for the forms with _ and years outside of 1900 to 2099.
"""
MONTH_OF_A_YEAR = rf"{YEAR}[-_]?{MONTH}"  #: 202601, 2026-01, 2026_01
WEEK = "W(?:0[1-9]|[1-4][0-9]|5[0-3])(?:-?[1-7])?"  #: of ISO 8601, with its day or without
QUARTER = "[Qq][1-4]"
PERIOD = rf"{YEAR}[-_]?(?:{WEEK}|{QUARTER})"  #: 2026-W09, 2026W09, 2026-W09-1, 2026-Q1, 2026Q1
#: Milliseconds since 1970, of the years 2014 to 2033. Seconds have ten digits, as numbers of many other things have.
MILLISECONDS = "1[4-9][0-9]{11}"
_BETWEEN = "(?:[:_-]|%(?:25)?3A)?"
TIME = (
    rf"(?:{DATE})[T _-]?{HOUR}(?:{_BETWEEN}[0-5][0-9](?:{_BETWEEN}[0-5][0-9])?)?"
    r"(?:[.,][0-9]{1,9})?(?:Z|UTC|[+-][0-9]{2}(?:(?::|%(?:25)?3A)?[0-9]{2})?)?"
)
"""A day and a time: 20260131T0815Z, 2026-01-31T08:15:30.123+01:00, 2026-01-31-08, 20260131_081530.

Hive escapes a colon in the name of a folder, and the escape's own % is escaped in a URI.
"""
UUID = "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Fa-f]{32}"
EXECUTION = (
    r"jr_[0-9a-f]{64}|application_[0-9]{13}_[0-9]{4,10}|app-[0-9]{14}-[0-9]{4,10}|local-[0-9]{13}"
    rf"|(?:scheduled|manual|backfill|(?:asset|dataset)_triggered)__(?:{TIME})"
)
"""The id of a Glue job run, of a Spark application, or of an Airflow run."""

#: A number alone can be any, but for seconds and milliseconds since 1970.
_OF_A_RUN = re.compile(
    rf"(?<![0-9A-Za-z])(?:{EXECUTION}|{UUID}|{TIME}|{DATE}|{PERIOD}|{MONTH_OF_A_YEAR}"
    rf"|{YEAR}/{MONTH}/{DAY}|{DAY}/{MONTH}/{YEAR}|1[5-9][0-9]{{8}}(?:[0-9]{{3}})?)(?![0-9A-Za-z])"
)
_BEFORE, _AFTER = " _-.:/#@=+,;([{<", ")]}>"  #: what stands around it, and goes with it


def job_name(application: str) -> str:
    """The name of a job, from that of its application: without what one run put into it, ``etl_20260301``.

    Empty: the name is a UUID alone, which is what Spark calls an application that has no name.
    """
    kept, *parts = _OF_A_RUN.split(application)
    if not parts:
        return application
    kept = kept.rstrip(_BEFORE)
    for part in parts:
        after = part.lstrip(_AFTER).rstrip(_BEFORE)
        kept += after if kept else after.lstrip(_BEFORE)
    if any(map(str.isalnum, kept)):
        return kept
    return "" if re.fullmatch(UUID, application.strip()) else application
