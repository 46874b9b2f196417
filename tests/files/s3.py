"""A local S3 server for tests (moto's), with an empty bucket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from adapters.files.settings import Settings

BUCKET = "files"


@contextmanager
def s3_server() -> Iterator[str]:
    """Its address, for the time of the block."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def settings_of(address: str) -> Settings:
    return Settings(
        bucket=BUCKET, endpoint=address, region="us-east-1", access_key="canary", secret_key="canary-secret"
    )


def client_of(address: str) -> Any:
    """The usual client, for looking at what lies there."""
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="canary",
        aws_secret_access_key="canary-secret",
    )


def empty_bucket(address: str) -> None:
    client = client_of(address)
    if BUCKET not in [one["Name"] for one in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    for one in client.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
        client.delete_object(Bucket=BUCKET, Key=one["Key"])
