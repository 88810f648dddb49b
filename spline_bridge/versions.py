"""The versions of the Spline Producer API, by the media type that a request names. Loads nothing else."""

from __future__ import annotations

from collections.abc import Mapping

CONTENT_TYPES: Mapping[str, str] = {
    "application/json": "1.0",
    "application/vnd.absa.spline.producer.v1.1+json": "1.1",
    "application/vnd.absa.spline.producer.v1.2+json": "1.2",
}
"""Media type of a Producer API request -> its API version."""
