"""How AWS Glue names a job and its runs to Spark: the one table for mapping, for the agent in Python and for its zip.

Standard library alone: the agent ships this file.
"""

from __future__ import annotations

import re

JOB_NAME, JOB_RUN_ID, ACCOUNT = "spark.glue.JOB_NAME", "spark.glue.JOB_RUN_ID", "spark.glue.accountId"
"""Glue's settings in Spark; payloads carry them under the same names."""

SETTINGS = {JOB_NAME: "--JOB_NAME", JOB_RUN_ID: "--JOB_RUN_ID", ACCOUNT: ""}
"""Setting -> the argument of the job's script that says the same; empty: there is none."""

APPLICATION = re.compile(r"^nativespark-(?P<job>.+)-(?P<run>jr_[0-9a-fA-F]+)$")
"""The name of a Glue job's Spark application. The run's id must not become part of the job's name."""
