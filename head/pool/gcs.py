"""Ray's own tables, asked where they lie: what `ray.nodes()` and the like leave out. What protoc makes has no types."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ray_jobs.ports import HEAD

_PATIENCE = 5.0  # seconds of each call
_GENERATED = "ray.core.generated."


@dataclass(frozen=True, kw_only=True)
class Gcs:
    """A connection to the GCS of the Ray head."""

    messages: Any  #: gcs_service_pb2
    tables: Any  #: gcs_pb2
    common: Any  #: common_pb2
    nodes: Any  #: stubs of NodeInfoGcsService
    actors: Any  #: and of ActorInfoGcsService
    call: dict[str, Any]  #: to be passed with each request


@contextmanager
def gcs_at(address: str, token: str) -> Iterator[Gcs]:
    """Its calls block, and raise grpc.RpcError."""
    stubs: Any = import_module(_GENERATED + "gcs_service_pb2_grpc")
    with import_module("grpc").insecure_channel(f"{address}:{HEAD.gcs}") as channel:
        yield Gcs(
            messages=import_module(_GENERATED + "gcs_service_pb2"),
            tables=import_module(_GENERATED + "gcs_pb2"),
            common=import_module(_GENERATED + "common_pb2"),
            nodes=stubs.NodeInfoGcsServiceStub(channel),
            actors=stubs.ActorInfoGcsServiceStub(channel),
            call={"metadata": (("authorization", f"Bearer {token}"),), "timeout": _PATIENCE},
        )
