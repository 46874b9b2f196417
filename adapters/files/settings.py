"""Where files lie: an S3-compatible store where one is named, else the data folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.errors import StartError

ENVIRONMENT: tuple[tuple[str, str, str, str], ...] = (
    ("DESKBELL_S3_BUCKET", "", "Files go into this bucket of an S3-compatible store, instead of the data folder", "deskbell-files"),
    ("DESKBELL_S3_ENDPOINT", "", "Where the store is; unset for Amazon's own", "https://s3.example.com"),
    ("DESKBELL_S3_REGION", "us-east-1", "The bucket's region", "eu-central-1"),
    ("DESKBELL_S3_ACCESS_KEY", "", "Its access key", ""),
    ("DESKBELL_S3_SECRET_KEY", "", "Its secret key", ""),
)  # fmt: skip
"""Name, default, what it is, an example: for the page of settings."""
_NAMES = tuple(name for name, *_rest in ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Settings:
    """Without a bucket files go to the data folder."""

    bucket: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)

    @classmethod
    def of(cls, env: Mapping[str, str]) -> Settings:
        """Raises `StartError` where something is missing."""
        given = {name: env.get(name, "").strip() for name in _NAMES}
        made = cls(
            bucket=given["DESKBELL_S3_BUCKET"],
            endpoint=given["DESKBELL_S3_ENDPOINT"].rstrip("/"),
            region=given["DESKBELL_S3_REGION"] or "us-east-1",
            access_key=given["DESKBELL_S3_ACCESS_KEY"],
            secret_key=given["DESKBELL_S3_SECRET_KEY"],
        )
        if any(given.values()):
            _check(made)
        return made


def _check(given: Settings) -> None:
    if not given.bucket:
        raise StartError("DESKBELL_S3_BUCKET is missing. Example: DESKBELL_S3_BUCKET=deskbell-files")
    if not (given.access_key and given.secret_key):
        raise StartError("DESKBELL_S3_BUCKET needs DESKBELL_S3_ACCESS_KEY and DESKBELL_S3_SECRET_KEY too.")
    try:
        parts = urlsplit(given.endpoint)
    except ValueError:
        parts = urlsplit("")
    if given.endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise StartError(
            "The setting DESKBELL_S3_ENDPOINT is malformed: it must begin with http:// or https://. "
            "Example: DESKBELL_S3_ENDPOINT=https://s3.example.com"
        )
