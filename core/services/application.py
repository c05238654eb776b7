"""What every service is given: settings, the database, the queue, models and open indexes. Built by core.bootstrap."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from core.db.unit_of_work import Database
from core.jobs.queue import JobQueue
from core.settings import Settings
from core.types import Found, SearchFilter

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from core.models.encoder import Encoder
    from core.models.hub import ModelHub
    from core.retrieval.pipeline import KnowledgeIndex, SearchResult

NO_FILTER = SearchFilter()


class OpenIndex(Protocol):
    """One index version, opened, with deleted documents masked. Thread-safe."""

    @property
    def version_id(self) -> int: ...

    @property
    def knowledge(self) -> KnowledgeIndex: ...

    def search(self, question: str, *, k: int = 10, filter: SearchFilter = NO_FILTER) -> SearchResult: ...

    def found(
        self, question: str, k: int = 10, *, filter: SearchFilter = NO_FILTER
    ) -> tuple[tuple[Found, ...], SearchResult]: ...


class Indexes(Protocol):
    """Opened index versions, a bounded number of them, reopened when the database names another live one."""

    def live(self, workspace_id: int, knowledge_base_id: int) -> OpenIndex | None: ...

    def version(self, workspace_id: int, knowledge_base_id: int, version_id: int) -> OpenIndex | None: ...


@dataclass(frozen=True, slots=True)
class Application:
    """The wired product, one a process. Models load on first use, once."""

    settings: Settings
    database: Database
    queue: JobQueue
    models: ModelHub
    chat_model: Callable[[], BaseChatModel | None]
    indexes: Indexes
    # Small bounded caches of services (FAQ entries by knowledge base); never a person's data.
    caches: dict[str, Any] = field(default_factory=dict)

    def encoder(self) -> Encoder:
        """The sentence encoder. Raises Unavailable."""
        return self.models.encoder()
