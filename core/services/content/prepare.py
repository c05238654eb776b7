"""From a request to something that writes: template, brief, model, sources and settings checked, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from core.access.actor import Actor, Permission
from core.assistant.answer import select
from core.content import prompts, writers
from core.content.templates import checked_values
from core.db.content_tables import ContentVoice
from core.db.tables import KnowledgeBase
from core.errors import BadInput, Conflict, PilotlightError, Unavailable
from core.models.generation.batching import Event, Shape
from core.models.generation.sampling import GenerationSettings
from core.services.application import Application
from core.services.content import voices
from core.services.content.models import Offer, find_model, offers, open_model
from core.services.content.templates import get_template
from core.services.content.views import Prepared, WriteRequest
from core.services.privacy import chat_of
from core.services.similarity import sentence_similarity
from core.text.catalogue import translate
from core.text.language import detect_language
from core.types import Found

SEARCHED = 6  # passages that a draft is written from
MOST_VARIANTS = 8
_LENGTHS = (2, 4, 1, 3)  # sentences quoted in each variant
Note = Callable[[str, dict[str, object]], None]


def prepare(app: Application, actor: Actor, request: WriteRequest) -> Prepared:
    """Raises BadInput for an empty brief, a model that cannot do the template or does not know the language, settings
    out of range and a knowledge base without passages; NotFound for names that there are not. Stores nothing."""
    actor.require(Permission.CONTENT)
    template = get_template(app, actor, request.template, request.language)
    if request.language not in template.languages:
        raise BadInput("content.template_language", title=template.title, languages=", ".join(template.languages))
    values = checked_values(template, request.values)
    if not 1 <= request.variants <= MOST_VARIANTS:
        raise BadInput("content.variants", asked=request.variants, most=MOST_VARIANTS)
    settings = _settings(request)
    sources = request.knowledge_base_id is not None
    if request.model:
        model = find_model(app, actor, request.model)
        (chosen,) = offers(app, actor, template, request.language, sources=sources, models=[model])
    else:
        chosen = _best(offers(app, actor, template, request.language, sources=sources))
    if chosen.fit.level == "cannot":
        raise _refusal(chosen, request.language, template.title)
    _check_language(chosen, request, values)
    prepared = Prepared(request, template, values, chosen.model, chosen.fit, settings)
    if request.voice_id is not None:
        _check_voice(app, actor, prepared)
    return _with_passages(app, actor, prepared) if sources else prepared


def _settings(request: WriteRequest) -> GenerationSettings:
    return GenerationSettings(
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        top_p=request.top_p,
        repetition_penalty=request.repetition_penalty,
        seed=request.seed,
        variants=request.variants,
    ).seeded()


def _best(offered: list[Offer]) -> Offer:
    """The first that can; a model whose abilities nobody knows is only taken when it is named."""
    return next((one for one in offered if one.fit.level == "can"), offered[-1])


def _refusal(offer: Offer, language: str, title: str) -> BadInput:
    name = offer.model.name or offer.model.key
    if offer.fit.why == "sources":
        return BadInput("content.needs_sources", title=title)
    if offer.fit.why == "language":
        known = ", ".join(offer.model.abilities.languages)
        return BadInput("content.language_unknown", name=name, found=language, known=known)
    if offer.model.origin == "documents":
        return BadInput("content.no_model", title=title)
    return BadInput("content.task_unknown", name=name, title=title, tasks=", ".join(offer.model.abilities.tasks))


def _check_language(offer: Offer, request: WriteRequest, values: dict[str, str]) -> None:
    """A model that knows no Chinese reads a Chinese brief as noise, whatever language was ticked."""
    known = offer.model.abilities.languages
    found = detect_language("\n".join(values.values()))
    if known and found not in known:
        raise BadInput("content.language_unknown", name=offer.model.name, found=found, known=", ".join(known))


def _check_voice(app: Application, actor: Actor, prepared: Prepared) -> None:
    with app.database.read(actor.workspace_id) as rows:
        voice = rows.get(ContentVoice, prepared.request.voice_id or 0)
    if voice.state != "ready" or voice.deleted_at is not None:
        raise Conflict("content.voice_not_ready", name=voice.name)
    if voice.model != prepared.model.key:
        raise BadInput("content.voice_model", name=voice.name, model=voice.model, chosen=prepared.model.key)


def _with_passages(app: Application, actor: Actor, prepared: Prepared) -> Prepared:
    found = search(app, actor, prepared)
    if not found:
        raise BadInput("content.nothing_found", title=prepared.template.title)
    return replace(prepared, passages=tuple(one.passage for one in found))


def search(app: Application, actor: Actor, prepared: Prepared) -> tuple[Found, ...]:
    """What the knowledge base says of the brief, the best passage first."""
    actor.require(Permission.CONTENT)
    number = prepared.request.knowledge_base_id or 0
    with app.database.read(actor.workspace_id) as rows:
        rows.get(KnowledgeBase, number)
    opened = app.indexes.live(actor.workspace_id, number)
    query = " ".join(prepared.values.values())[:2000]
    return opened.found(query, SEARCHED)[0] if opened is not None else ()


def events(
    app: Application, actor: Actor, prepared: Prepared, note: Note, cancelled: Callable[[], bool] = lambda: False
) -> Iterator[Event]:
    """Writes. ``note`` is told of a prompt that had to be shortened. Raises Unavailable, BadInput."""
    actor.require(Permission.CONTENT)
    if prepared.model.origin == "documents":
        yield from writers.from_texts(quoted(app, actor, prepared), prepared.settings.seed or 0)
    elif prepared.model.abilities.kind == "chat":
        yield from _by_chat(app, actor, prepared, cancelled)
    else:
        yield from _by_model(app, actor, prepared, note, cancelled)


def _by_chat(app: Application, actor: Actor, prepared: Prepared, cancelled: Callable[[], bool]) -> Iterator[Event]:
    chat = chat_of(app, actor.workspace_id)
    if chat is None:
        raise Unavailable("content.no_endpoint")
    language = prepared.request.language
    told = prompts.instruction(prepared.template, prepared.values, language, prepared.passages)
    try:
        yield from writers.from_chat(chat, prompts.system(language), told, prepared.settings, cancelled)
    except PilotlightError as error:
        raise _ours(error) from error


def _ours(error: PilotlightError) -> PilotlightError:
    """The sentences of ``llm.*`` promise a quoted answer, which there is not here."""
    family, _, name = error.code.partition(".")
    if family != "llm":
        return error
    return Unavailable(f"content.endpoint_{name}", **error.values)


def prompt_of(prepared: Prepared) -> str:
    """What a language model reads of the brief."""
    if prepared.model.abilities.kind == "responds":
        return prompts.attributes(prepared.template, prepared.values)
    return prompts.opening(prepared.template, prepared.values)


def _by_model(
    app: Application, actor: Actor, prepared: Prepared, note: Note, cancelled: Callable[[], bool]
) -> Iterator[Event]:
    generator = open_model(app, prepared.model)
    prompt = prompt_of(prepared)
    room = generator.window - min(prepared.settings.max_tokens, generator.window // 2)
    if (length := generator.count_tokens(prompt)) > room:
        note("prompt_shortened", {"tokens": length, "window": generator.window, "kept": room, "dropped": length - room})
    shape: Shape | None = None
    if prepared.request.voice_id is not None:
        shape = voices.open_voice(app, actor, prepared.request.voice_id, generator).shape
    elif prepared.passages:
        shape = voices.of_passages(generator, prepared.passages).shape
    written = generator.generate([prompt], prepared.settings, cancelled, shape=shape)
    goes_on = prepared.model.abilities.kind == "continues" and prepared.template.id in prompts.WHOLE
    yield from writers.behind(prompt, written) if goes_on else written


def quoted(app: Application, actor: Actor, prepared: Prepared) -> list[str]:
    """Variants made of sentences that stand in the documents, each with another number of them."""
    actor.require(Permission.CONTENT)
    found = search(app, actor, prepared)
    language = prepared.request.language
    question = prepared.values.get("message") or prepared.values.get("question") or ""
    lengths = [_LENGTHS[number % len(_LENGTHS)] for number in range(prepared.settings.variants)]
    texts = []
    for length in lengths:
        draft = select(question, found, max_sentences=length, similarity=sentence_similarity(app, question))
        texts.append(_letter(prepared, writers.without_tables(draft.text, language), language))
    return list(dict.fromkeys(texts))


def _letter(prepared: Prepared, body: str, language: str) -> str:
    if prepared.template.id != "support_reply":
        return body
    customer, signature = prepared.values.get("customer", ""), prepared.values.get("signature", "")
    greeting = translate(language, f"content.letter.{'greeting' if customer else 'greeting_nobody'}", name=customer)
    closing = translate(language, "content.letter.closing")
    return "\n\n".join(part for part in (greeting, body, f"{closing}\n{signature}".strip()) if part)
