"""The section of the configuration that says where vectors lie and what encodes a corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlparse

from pydantic import Field, model_validator

from hybrid.config_stage import Stage


class StoreConfig(Stage):
    """Where the vectors of an index lie, and what encodes its passages."""

    store: Literal["faiss", "milvus"] = "faiss"
    """`faiss`: files in the workspace. `milvus`: a Milvus server, or a milvus-lite file; the workspace then holds the
    manifest and the collection's name."""
    milvus_uri: str = ""
    """For example http://localhost:19530, https://… for TLS, or a path that ends in .db for milvus-lite."""
    milvus_token_env: str = "MILVUS_TOKEN"
    """Name of the environment variable that holds `user:password` or an API key; it is never written or printed."""
    milvus_database: str = ""
    """Empty: the server's default."""
    milvus_prefix: str = Field("hybrid", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=80)
    """Collections are named by it, the workspace and what they hold. Workspaces of one name that share a server need
    one each, else one deletes the other's."""
    milvus_ca_file: Path | None = None
    """PEM of the authority that signed the server's certificate. Empty: the system's."""
    milvus_server_name: str = ""
    """In the server's certificate, where it is not the host of `milvus_uri`."""
    milvus_client_cert: Path | None = None
    """PEM, for servers that ask clients for a certificate; needs `milvus_client_key` and `milvus_ca_file`."""
    milvus_client_key: Path | None = None
    """PEM of its key."""
    milvus_index: str = "FLAT"
    """Index type as Milvus names it: FLAT is exact; HNSW, IVF_RABITQ, DISKANN … are not."""
    milvus_build: Mapping[str, int | float | str] = {}
    """Build parameters of that type, for example {M: 32, efConstruction: 200}."""
    milvus_search: Mapping[str, int | float | str] = {}
    """Search parameters of that type, for example {ef: 200}."""
    milvus_timeout_s: float = Field(30.0, gt=0)
    """For a call with its retries: a server that is away for less goes unnoticed."""
    encode_with: Literal["process", "ray"] = "process"
    """`ray`: Ray Data spreads the passages over workers, on this machine or a cluster."""
    encode_workers: int = Field(2, ge=1)
    """Ray actors; each loads the embedder once."""
    encode_cpus: int = Field(1, ge=1)
    """Of each actor: its threads too."""
    encode_gpus: float = Field(0, ge=0)
    """Of each actor; 0.5 has two share one."""
    ray_address: str = ""
    """Of a running cluster, host:6379, or auto on one of its machines. Empty: one here, for the time of the command."""

    @model_validator(mode="after")
    def _milvus_can_be_reached(self) -> Self:
        if self.store == "milvus" and not self.milvus_uri:
            raise ValueError("store is milvus: milvus_uri is needed, for example http://localhost:19530")
        if "@" in urlparse(self.milvus_uri).netloc:
            raise ValueError("milvus_uri holds a secret: put it into the environment variable of milvus_token_env")
        if (self.milvus_client_cert is None) != (self.milvus_client_key is None):
            raise ValueError("milvus_client_cert and milvus_client_key need each other")
        if self.milvus_client_cert and not self.milvus_ca_file:
            raise ValueError("milvus_client_cert needs milvus_ca_file")
        return self

    def milvus_settings(self) -> dict[str, Any]:
        """What of this decides what a collection holds."""
        return {"store": "milvus", "index": self.milvus_index, "build": dict(self.milvus_build)}
