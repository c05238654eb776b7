"""All settings in one class: environment (``PILOTLIGHT_*``), ``.env``, defaults. Unknown keys are refused.

The README's table of settings is compared with this class by a test, so a setting is described here and nowhere else.
"""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import BadInput

PREFIX = "PILOTLIGHT_"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Settings(BaseSettings):
    """What an owner may set. Sizes in MiB, times in seconds unless the name says otherwise."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True)

    # where things live
    data_dir: Path = Field(Path("var"), description="Everything that changes at run time: database, uploads, logs.")
    index_dir: Path = Field(Path("indexes"), description="Built indexes; a cache that is rebuilt from the database.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in the data folder.")

    # the web server
    host: str = Field("127.0.0.1", description="Address the web app binds to.")
    port: int = Field(8501, ge=1, le=65535, description="Port of the web app.")
    allowed_hosts: str = Field(
        "",
        description="Host names the web app answers to, by commas (*.example.com for all below); empty means this "
        "machine's own while it binds to a loopback address, any otherwise.",
    )
    allow_private_webhooks: bool = Field(
        False, description="May webhooks call addresses inside the own network and on this machine."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged.")
    log_format: Literal["console", "json"] = Field("console", description="Log lines for people or for machines.")
    language: Literal["auto", "en", "zh"] = Field(
        "auto", description="Language of the pages; auto follows the browser."
    )

    # people
    sign_in_days: float = Field(14, gt=0, le=365, description="A sign-in ends after this many days without a visit.")
    public_url: str = Field("", description="Address people open the app at (https://...); for links that are sent.")

    oidc_metadata_url: str = Field("", description="Company sign-in: the provider's .well-known/openid-configuration.")
    oidc_client_id: str = Field("", description="Our name at the provider.")
    oidc_client_secret: SecretStr = Field(SecretStr(""), description="Our secret at the provider.")
    oidc_domains: str = Field("", description="E-mail domains let in without an invitation, separated by commas.")
    oidc_role: Literal["editor", "agent", "analyst"] = Field("analyst", description="Role of those let in by domain.")
    cookie_secret: SecretStr = Field(
        SecretStr(""), description="Signs the company sign-in's cookie; empty: made and kept in the data folder."
    )

    # documents
    max_file_mb: int = Field(50, ge=1, description="Largest file accepted, in MiB.")
    max_zip_mb: int = Field(500, ge=1, description="Most that a ZIP may unpack to, in MiB.")
    max_zip_files: int = Field(1000, ge=1, description="Most files in one ZIP.")
    ocr: bool = Field(True, description="Read scanned pages and images with OCR.")
    passage_chars_en: int = Field(900, ge=100, description="Largest English passage, in characters.")
    passage_chars_zh: int = Field(360, ge=50, description="Largest Chinese passage, in characters.")
    watch_dir: Path | None = Field(None, description="Folder whose files are ingested as they appear; empty for none.")
    watch_seconds: float = Field(5.0, gt=0, description="How often the watched folder is looked at.")

    # models
    models_dir: Path | None = Field(None, description="Folder with local copies of models, looked in first.")
    allow_hub: bool = Field(False, description="May models be downloaded from the Hugging Face hub.")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:N.")
    encoder: str = Field("pilotlight-minilm-bilingual", description="Catalogue name of the sentence encoder.")
    encoder_precision: Literal["auto", "int8", "fp32"] = Field(
        "auto", description="auto takes int8 where its quality holds."
    )
    reranker: str = Field("", description="Catalogue name of a cross-encoder; empty means no reranking.")
    models_memory_mb: int = Field(
        3000, ge=100, description="Memory for loaded models of the workspace, in MiB; the longest unused goes first."
    )
    threads: int = Field(0, ge=0, description="Threads a model may use; 0 means all cores.")

    # index
    exact_limit: int = Field(
        50_000,
        ge=0,
        description="Up to this many vectors the index is exact; a passage has several.",
    )
    hnsw_limit: int = Field(1_000_000, ge=0, description="Above exact_limit and up to this: HNSW; above: IVF.")

    # answers
    max_wrong_percent: float = Field(5.0, gt=0, le=50, description="At most this share of given answers may be wrong.")
    answer_sentences: int = Field(3, ge=1, le=10, description="Most sentences of a quoted answer.")
    llm: Literal["none", "local", "endpoint"] = Field("none", description="Which language model words the answers.")
    llm_model: str = Field("", description="Catalogue name or the endpoint's name of the language model.")
    llm_base_url: str = Field("", description="Base URL of an OpenAI-compatible endpoint.")
    llm_api_key: SecretStr = Field(SecretStr(""), description="Key of the endpoint.")
    llm_timeout: float = Field(30.0, gt=0, description="Longest wait for the endpoint, in seconds.")
    llm_max_tokens: int = Field(300, ge=16, description="Longest answer of the language model, in tokens.")

    # privacy
    mask_logs: bool = Field(True, description="Mask personal data in every log line, tracebacks included.")
    encryption_key: SecretStr = Field(
        SecretStr(""), description="Key that encrypts messages and documents at rest; empty means off. See `keys new`."
    )
    encryption_key_file: Path | None = Field(
        None, description="File with the key instead; the first key encrypts, older ones below it still decrypt."
    )
    # the HTTP API
    api_per_minute: int = Field(120, ge=1, description="Most requests a minute with one key.")
    api_per_minute_address: int = Field(600, ge=1, description="Most API requests a minute from one address.")
    api_at_once: int = Field(16, ge=1, le=20, description="Most API requests answered at the same time by one process.")

    # jobs
    queue_url: str = Field("", description="redis://... for several machines; empty means SQLite in the data folder.")
    heartbeat_seconds: float = Field(2.0, gt=0, description="How often a worker says it is alive.")

    @field_validator("watch_dir", "models_dir", "encryption_key_file", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="after")
    def _check(self) -> Settings:
        if self.llm == "endpoint" and not (self.llm_base_url and self.llm_model):
            raise ValueError("llm=endpoint needs llm_base_url and llm_model")
        if self.oidc_metadata_url and not (self.oidc_client_id and self.oidc_client_secret.get_secret_value()):
            raise ValueError("oidc_metadata_url needs oidc_client_id and oidc_client_secret")
        if self.llm == "local" and not self.llm_model:
            raise ValueError("llm=local needs llm_model")
        if self.hnsw_limit < self.exact_limit:
            raise ValueError("hnsw_limit must not be below exact_limit")
        return self

    @cached_property
    def hosts(self) -> tuple[str, ...]:
        """The host names in force; ``*`` for any."""
        named = tuple(name.strip() for name in self.allowed_hosts.split(",") if name.strip())
        return named or ((self.host, *LOOPBACK) if self.on_loopback else ("*",))

    @cached_property
    def on_loopback(self) -> bool:
        """Whether nobody outside of this machine reaches the web app directly."""
        return self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{(self.data_dir / 'pilotlight.sqlite3').resolve()}"

    @cached_property
    def files_dir(self) -> Path:
        """Uploaded originals, named by their hash."""
        return self.data_dir / "files"


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment, ``.env`` and ``overrides``.

    Raises BadInput naming every unknown ``PILOTLIGHT_`` key and every value that does not fit.
    """
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    given = {key.upper() for key in (*os.environ, *dotenv_values(".env")) if key.upper().startswith(PREFIX)}
    # Keys of the test and deployment harness, not of the product.
    unknown = sorted(given - known - {f"{PREFIX}SHARED_DATA"})
    if unknown:
        raise BadInput("settings_unknown", keys=", ".join(unknown))
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        raise BadInput("settings_invalid", problems=problems) from error
