"""The settings: read once from `metadata.hayride` of cluster.yaml and from HAYRIDE_* variables, which win; then frozen.

`Settings.load()` reads; `Settings(...)` takes what it is given and looks at nothing else, which is what tests want.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from head.settings_source import (
    PREFIX,
    check_names,
    check_variables,
    environment_values,
    explain,
    merge,
    read_secret,
    read_yaml,
)


def default_data_dir() -> Path:
    """As the XDG base directory specification has it, which ignores a relative path."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "hayride"


class PoolSettings(BaseModel):
    """What one person's pool may use of the server. Sizes in bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cpus: int = Field(default=2, ge=1, le=1024, examples=["2"])
    memory: ByteSize = Field(default=ByteSize(4 << 30), ge=1 << 30, examples=["4GiB"])
    #: Part of the memory. Ray refuses less than 75 MiB.
    object_store_memory: ByteSize = Field(default=ByteSize(256 << 20), ge=80 << 20, examples=["256MiB"])
    quota: ByteSize = Field(default=ByteSize(10 << 30), ge=256 << 20, examples=["10GiB"])
    idle_seconds: float = Field(default=900, ge=1, examples=["900"])


class LimitSettings(BaseModel):
    """What one person may have going on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    running: int = Field(default=2, ge=1, examples=["2"])
    queued: int = Field(default=20, ge=1, examples=["20"])
    uploads: int = Field(default=200, ge=1, examples=["200"])
    upload_size: ByteSize = Field(default=ByteSize(2 << 30), ge=1 << 20, examples=["2GiB"])  #: of all kept ones, bytes


class Settings(BaseSettings):
    """Everything that can be set. cluster.yaml says in its comments what each is for."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=False,
        env_prefix=PREFIX,
        env_ignore_empty=True,
        # HAYRIDE_POOL_IDLE_SECONDS is pool.idle_seconds.
        env_nested_delimiter="_",
        env_nested_max_split=1,
    )

    public_url: str | None = Field(default=None, examples=["https://hayride.example.org"])
    listen_host: str = Field(default="127.0.0.1", min_length=1, examples=["127.0.0.1"])
    listen_port: int = Field(default=8100, ge=0, le=65535, examples=["8100"])  #: 0: any free one
    tls_certificate: Path | None = Field(default=None, examples=["/etc/hayride/certificate.pem"])
    tls_key: Path | None = Field(default=None, examples=["/etc/hayride/key.pem"])
    insecure: bool = Field(default=False, examples=["false"])
    joining: bool = Field(default=True, examples=["on"])
    join_token_seconds: float = Field(default=300, ge=10, le=86400, examples=["300"])
    admins: Annotated[tuple[int, ...], NoDecode] = Field(default=(), examples=["[123456789]"])
    telegram_token: SecretStr | None = Field(default=None, examples=["123456789:AA..."])
    telegram_token_file: Path | None = Field(default=None, examples=["~/.hayride-telegram-token"])
    telegram_base_url: str | None = Field(default=None, examples=["http://127.0.0.1:8081/bot"])
    telegram_webhook: bool = Field(default=False, examples=["true"])
    data_dir: Path = Field(default_factory=default_data_dir, examples=["~/.local/share/hayride"])
    database_url: str | None = Field(default=None, repr=False, examples=["sqlite+aiosqlite:////srv/hayride/hayride.db"])
    train_time_limit: int = Field(default=600, ge=1, le=7 * 86400, examples=["600"])
    predict_time_limit: int = Field(default=300, ge=1, le=7 * 86400, examples=["300"])
    limits: LimitSettings = LimitSettings()
    sealing: bool = Field(default=True, examples=["on"])
    pool: PoolSettings = PoolSettings()

    @classmethod
    def load(cls) -> Settings:
        """Reads the file that HAYRIDE_CONFIG names, or ./cluster.yaml if there is one, and the environment.

        Raises SettingsError: one line with the key's path, what is wrong with it, and the nearest name or an example.
        """
        name, values = read_yaml(os.environ)
        check_names(cls, name, values)
        check_variables(cls, os.environ)
        from_environment = environment_values(cls)
        merged = merge(values, from_environment)
        if merged.get("telegram_token") is None and merged.get("telegram_token_file"):
            merged["telegram_token"] = read_secret(str(merged["telegram_token_file"]))
        try:
            return cls(**merged)
        except ValidationError as error:
            raise explain(cls, error, name, from_environment) from None

    @property
    def url(self) -> str:
        """Where people's machines and browsers reach the gateway; no slash at the end."""
        return self.url_at(self.listen_port)

    def url_at(self, port: int) -> str:
        """The same for the port that was really bound, where `listen_port` is 0."""
        return self.public_url or f"{'https' if self.tls_certificate else 'http'}://127.0.0.1:{port}"

    @property
    def database(self) -> str:
        """The database's URL: the one that was set, or SQLite in `data_dir`."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'hayride.db'}"

    @field_validator("public_url")
    @classmethod
    def _only_an_origin(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise ValueError("it has to be http:// or https:// and a host")
        if parts.path.strip("/"):
            raise ValueError("it cannot have a path: the gateway wants a host name of its own")
        if parts.port == 0:  # a port that is no number, or too large, raises a ValueError of its own here
            raise ValueError("its port cannot be 0")
        return f"{parts.scheme}://{parts.netloc}"

    @field_validator("admins", mode="before")
    @classmethod
    def _comma_list(cls, value: object) -> object:
        """HAYRIDE_ADMINS=1,2 as well as a YAML list."""
        if isinstance(value, str):
            return [part for part in value.strip("[] ").replace(",", " ").split() if part]
        return [value] if isinstance(value, int) else value

    @field_validator("data_dir", "tls_certificate", "tls_key", "telegram_token_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and Path(os.path.abspath(path.expanduser()))

    @field_validator("telegram_token")
    @classmethod
    def _one_word(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None and len(token.get_secret_value().split()) != 1:
            raise ValueError("it has to be one word, as BotFather gave it")
        return token

    @model_validator(mode="after")
    def _together(self) -> Settings:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key are set both or neither")
        parts = urlsplit(self.public_url or "")
        if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not self.insecure:
            raise ValueError(
                "public_url is plain http on more than this machine, so anybody on the way could read and change what "
                "passes; use https, or set insecure: true"
            )
        if self.telegram_webhook and parts.scheme != "https" and self.telegram_base_url is None:
            raise ValueError("telegram_webhook needs a public_url with https, on which Telegram reaches this server")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # Only `load` looks at the environment, so that an object made in a test is what the test says.
        return (init_settings,)


def is_loopback(host: str) -> bool:
    """Whether the host of a URL, without brackets, is this machine: plain http to it is read by nobody on the way.

    The join script has the same rule, so a command says `--insecure` exactly where the script wants it.
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
