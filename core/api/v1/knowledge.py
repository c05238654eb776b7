"""Knowledge bases: list, create; documents in, out and listed; questions; and the jobs that read documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, UploadFile
from pydantic import BaseModel, Field

from core.api.v1.caller import App, Caller
from core.api.v1.shapes import CitationShape, Id, Limit, Offset, RowId, Shape, Text, citation
from core.errors import BadInput, NotFound
from core.services import conversations, ingest, jobs, knowledge
from core.services.ask import ask
from core.services.chat_offers import ChatOffer, offers_below
from core.services.direct import refusal_text
from core.services.views import DocumentView, JobView, KnowledgeBaseView, MessageView, Upload
from core.text.language import detect_language

router = APIRouter(tags=["Knowledge bases"])
MOST_FILES = 100


class KnowledgeBaseShape(BaseModel):
    id: int
    name: str
    documents: int
    passages: int = Field(description="In the published index.")
    held: int = Field(description="Documents that wait for a reviewer.")
    published_at: datetime | None


class KnowledgeBaseList(BaseModel):
    data: list[KnowledgeBaseShape]


class NewKnowledgeBase(Shape):
    name: Text


class DocumentShape(BaseModel):
    id: int
    name: str
    state: str = Field(description="processing, ready, held, failed.")
    live: bool = Field(description="Part of the published index: it can answer.")
    media_type: str
    language: str
    size: int
    pages: int
    passages: int
    document_date: str
    updated_at: datetime


class DocumentList(BaseModel):
    total: int
    data: list[DocumentShape]


class Accepted(BaseModel):
    job_id: int = Field(description="Follow it at /v1/jobs/{id}.")


class JobFileShape(BaseModel):
    name: str
    state: str
    stage: str
    done: int
    total: int
    error: str | None = Field(description="The code of what went wrong.")


class JobShape(BaseModel):
    id: int
    kind: str
    state: str = Field(description="queued, running, done, failed, cancelled.")
    stage: str
    done: int
    total: int
    created_at: datetime
    finished_at: datetime | None
    error: str | None
    result: dict[str, Any]
    files: list[JobFileShape]


class Question(Shape):
    question: Text
    conversation_id: RowId | None = Field(
        None, description="One that an earlier answer named: then this is a follow-up. Without it, a new one begins."
    )


class SentenceShape(BaseModel):
    text: str
    citations: list[int] = Field(description="Indices into `citations`.")


class RefusalShape(BaseModel):
    reason: str = Field(description="nothing_indexed, too_weak, in_review, contradiction.")
    message: str = Field(description="The same for people.")
    best: list[CitationShape] = Field(description="What came nearest, or what contradicts each other.")


class OfferedShape(BaseModel):
    item: str
    title: str
    title_zh: str
    category: str
    price: float | None
    image: str
    why: str = Field(description="asked (the question names it), fits (a need), answered (the answer names it).")


class AnswerShape(BaseModel):
    """`answer` is null exactly when `refusal` is not."""

    conversation_id: int
    message_id: int
    state: str = Field(description="done; failed with `error`; or waiting, when a person has taken over.")
    answer: str | None
    rung: str = Field(description="Who speaks: faq, document, model, person, smalltalk, refusal.")
    confidence: float
    sentences: list[SentenceShape]
    citations: list[CitationShape]
    refusal: RefusalShape | None
    offers: list[OfferedShape] = Field(
        description="Items that fit, where the owner offers a catalogue; report clicks as events of kind `clicked`."
    )
    error: str | None
    milliseconds: int


@router.get("/knowledge-bases", operation_id="list_knowledge_bases")
def list_knowledge_bases(app: App, actor: Caller) -> KnowledgeBaseList:
    """All of the workspace."""
    return KnowledgeBaseList(data=[_base(one) for one in knowledge.list_knowledge_bases(app, actor)])


@router.post("/knowledge-bases", operation_id="create_knowledge_base", status_code=201)
def create_knowledge_base(app: App, actor: Caller, asked: NewKnowledgeBase) -> KnowledgeBaseShape:
    """A new, empty one. Names are unique in a workspace."""
    made = knowledge.create_knowledge_base(app, actor, asked.name)
    return KnowledgeBaseShape(
        id=made, name=asked.name.strip(), documents=0, passages=0, held=0, published_at=None
    )  # fmt: skip


@router.get("/knowledge-bases/{knowledge_base_id}/documents", operation_id="list_documents")
def list_documents(
    app: App, actor: Caller, knowledge_base_id: Id, search: Text = "", limit: Limit = 50, offset: Offset = 0
) -> DocumentList:
    """The newest first; `search` looks in the names."""
    found = knowledge.list_documents(app, actor, knowledge_base_id, search=search, limit=limit, offset=offset)
    return DocumentList(total=found.total, data=[_document(one) for one in found.rows])


@router.post("/knowledge-bases/{knowledge_base_id}/documents", operation_id="upload_documents", status_code=202)
def upload_documents(
    app: App, actor: Caller, knowledge_base_id: Id, files: Annotated[list[UploadFile], File(description="multipart.")]
) -> Accepted:
    """Stores the files and reads them in a job; a document of the same name becomes its new version."""
    if len(files) > MOST_FILES:
        raise BadInput("api.too_many_files", count=len(files), limit=MOST_FILES)
    uploads = [Upload(one.filename or "unnamed", one.file.read()) for one in files]
    return Accepted(job_id=ingest.start_ingest(app, actor, knowledge_base_id, uploads))


@router.delete(
    "/knowledge-bases/{knowledge_base_id}/documents/{document_id}", operation_id="delete_document", status_code=204
)
def delete_document(app: App, actor: Caller, knowledge_base_id: Id, document_id: Id) -> None:
    """It stops answering at once."""
    knowledge.delete_document(app, actor, document_id, knowledge_base_id=knowledge_base_id)


@router.post("/knowledge-bases/{knowledge_base_id}/ask", operation_id="ask")
def ask_question(app: App, actor: Caller, knowledge_base_id: Id, asked: Question) -> AnswerShape:
    """The answer with every quoted place (document, page, offsets), its confidence, or why there is none.

    Questions and answers are stored as a conversation of this key, which the owner sees in the figures.
    """
    if asked.conversation_id is None:
        conversation_id = conversations.start_conversation(app, actor, knowledge_base_id)
    else:
        conversation_id = asked.conversation_id
        about = conversations.get_conversation(app, actor, conversation_id).knowledge_base_id
        if about != knowledge_base_id:
            raise NotFound("not_found", what="conversation", id=conversation_id)
    try:
        answered = ask(app, actor, conversation_id, asked.question)
    except BaseException:
        if asked.conversation_id is None:
            conversations.delete_conversation(app, actor, conversation_id)
        raise
    message = answered.result()
    return _answer(conversation_id, message, offers_below(app, actor, message.id).offers)


@router.get("/jobs/{job_id}", operation_id="get_job", tags=["Jobs"])
def get_job(app: App, actor: Caller, job_id: Id) -> JobShape:
    """How far a job is."""
    return _job(jobs.get_job(app, actor, job_id))


@router.post("/jobs/{job_id}/cancel", operation_id="cancel_job", tags=["Jobs"])
def cancel_job(app: App, actor: Caller, job_id: Id) -> JobShape:
    """Asks it to stop at its next step; a finished one stays as it is."""
    jobs.cancel_job(app, actor, job_id)
    return _job(jobs.get_job(app, actor, job_id))


def _base(one: KnowledgeBaseView) -> KnowledgeBaseShape:
    return KnowledgeBaseShape(
        id=one.id, name=one.name, documents=one.documents, passages=one.passages, held=one.held,
        published_at=one.published_at,
    )  # fmt: skip


def _document(one: DocumentView) -> DocumentShape:
    return DocumentShape(
        id=one.id, name=one.name, state=one.state, live=one.live, media_type=one.media_type, language=one.language,
        size=one.size, pages=one.pages, passages=one.passages, document_date=one.document_date,
        updated_at=one.updated_at,
    )  # fmt: skip


def _job(one: JobView) -> JobShape:
    files = [
        JobFileShape(name=f.name, state=f.state, stage=f.stage, done=f.done, total=f.total, error=code_of(f.error))
        for f in one.files
    ]
    return JobShape(
        id=one.id, kind=one.kind, state=one.state, stage=one.stage, done=one.done, total=one.total,
        created_at=one.created_at, finished_at=one.finished_at, error=code_of(one.error), result=dict(one.result),
        files=files,
    )  # fmt: skip


def code_of(error: Mapping[str, Any]) -> str | None:
    return str(error["code"]) if error.get("code") else None


def _answer(conversation_id: int, message: MessageView, offers: Sequence[ChatOffer]) -> AnswerShape:
    found = message.answer
    refused = found.refusal if found is not None else None
    language = detect_language(found.query) if found is not None and found.query else "en"
    refusal = None
    if found is not None and refused is not None:
        refusal = RefusalShape(
            reason=refused.reason.value, message=refusal_text(found, language), best=[citation(c) for c in refused.best]
        )  # fmt: skip
    return AnswerShape(
        conversation_id=conversation_id,
        message_id=message.id,
        state="waiting" if message.role == "customer" else message.state,
        answer=found.text if found is not None else None,
        rung=found.rung.value if found is not None else "person",
        confidence=found.confidence if found is not None else 0.0,
        sentences=[SentenceShape(text=s.text, citations=list(s.citations)) for s in (found.sentences if found else ())],
        citations=[citation(c) for c in (found.citations if found else ())],
        refusal=refusal,
        offers=[_offered(one) for one in offers],
        error=code_of(message.detail.get("error") or {}),
        milliseconds=message.milliseconds,
    )


def _offered(one: ChatOffer) -> OfferedShape:
    item = one.item
    return OfferedShape(
        item=item.id, title=item.title, title_zh=item.title_zh, category=item.category, price=item.price,
        image=item.image, why=one.why,
    )  # fmt: skip
