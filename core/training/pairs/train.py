"""Trains sentence-pair models: bi-encoders for search, cross-encoders that rerank; folders that sentence-transformers
opens as they are."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core.errors import BadInput, Conflict, Unavailable
from core.models.classifiers.text_network import Backbone, build_network, open_backbone
from core.models.manifest import NAME, Kind, Manifest, read_manifest, write_manifest
from core.models.tokenizer_files import save_tokenizer
from core.settings import Settings
from core.training.checkpoint import FOLDER, fingerprint
from core.training.classification.lora import merged, with_lora
from core.training.encoders import encoder_folder, weights_of
from core.training.failures import plain_failures
from core.training.pairs.args import Candidates, PairArgs, check_candidates
from core.training.pairs.problems import BiEncoderProblem, CrossEncoderProblem
from core.training.processes import Processes
from core.training.trainer import Loop, Outcome
from core.training.watch import Watch

RECIPE = 1
_MODULES = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))


def train_pairs(
    rows: Sequence[Candidates],
    validation: Sequence[Candidates],
    args: PairArgs,
    folder: Path,
    watch: Watch,
    *,
    name: str = "",
    data: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> Manifest:
    """Trains on queries with their candidates, chooses on ``validation``, and seals ``folder``.

    A bi_encoder's folder (manifest kind encoder) is a SentenceTransformer, a cross_encoder's (sentence_pair) a
    CrossEncoder. Metrics are of the validation queries: for a bi-encoder against all texts of validation, with what
    the encoder did before training as ``<metric>_before``; for a cross-encoder against their own candidates. Goes on
    after a kill and raises as ``train_classifier`` does.
    """
    check_candidates(rows, args, training=True)
    check_candidates(validation, args, training=False)
    source = encoder_folder(args.encoder, settings or Settings())
    given = [[row.query, row.texts, row.relevance] for part in (rows, validation) for row in part]
    mark = fingerprint(RECIPE, asdict(args), len(rows), given, *weights_of(source))
    if (folder / NAME).is_file():
        manifest = read_manifest(folder)
        if manifest.facts.get("fingerprint") != mark:
            raise Conflict("training.folder_taken", name=folder.name)
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    processes = Processes(args.device)
    watch.say(f"{len(rows)} queries, {len(validation)} validation queries, {args.kind}")
    with plain_failures(args.batch_size, args.max_tokens):
        fit = _fit_bi_encoder if args.kind == "bi_encoder" else _fit_cross_encoder
        metrics, facts = fit(rows, validation, args, source, folder, watch, mark, processes)
        if processes.main:
            kind: Kind = "encoder" if args.kind == "bi_encoder" else "sentence_pair"
            facts |= {"fingerprint": mark, "kind": args.kind, "training_queries": len(rows)}
            manifest = Manifest(
                kind=kind, name=name or folder.name, base=args.encoder, args=asdict(args), data=data or {},
                metrics=metrics, facts=facts,
            )  # fmt: skip
            write_manifest(folder, manifest)
            shutil.rmtree(folder / FOLDER, ignore_errors=True)
        processes.wait()
    return read_manifest(folder)


def _fit_bi_encoder(
    rows: Sequence[Candidates], validation: Sequence[Candidates], args: PairArgs, source: Path, folder: Path,
    watch: Watch, mark: str, processes: Processes,
) -> tuple[dict[str, float], dict[str, Any]]:  # fmt: skip
    backbone = open_backbone(source)
    network = build_network(backbone, 1, normalise=True).to(processes.device)
    network.head.requires_grad_(False)
    if args.mode == "lora":
        network.encoder = with_lora(network.encoder, args)
    problem = BiEncoderProblem(network, backbone, rows, validation, args, processes)
    before = problem.evaluate(processes)
    outcome = Loop(problem, args, folder, watch, mark, metric=args.metric, processes=processes).run()
    found = dict(problem.evaluate(processes)) | {f"{name}_before": value for name, value in before.items()}
    network.encoder = merged(network.encoder)
    limit = min(args.max_tokens, backbone.limit)
    if processes.main:
        _save_sentence_transformer(network.encoder, backbone, limit, folder)
    facts = {"dimension": backbone.width, "pooling": backbone.pooling, "max_tokens": limit, **_steps(outcome)}
    return found, {**facts, "query_prefix": args.query_prefix, "passage_prefix": args.passage_prefix}


def _save_sentence_transformer(model: Any, backbone: Backbone, limit: int, folder: Path) -> None:
    """The layout that SentenceTransformer and our ONNX export read: weights at the top, pooling beside them."""
    model.save_pretrained(folder, safe_serialization=True)
    save_tokenizer(backbone.tokenizer, folder)
    modules = [
        {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(_MODULES)
    ]
    pooling = {
        "word_embedding_dimension": backbone.width,
        "pooling_mode_cls_token": backbone.pooling == "cls",
        "pooling_mode_mean_tokens": backbone.pooling == "mean",
    }
    _write(folder / "modules.json", modules)
    _write(folder / "sentence_bert_config.json", {"max_seq_length": limit, "do_lower_case": False})
    _write(folder / "1_Pooling" / "config.json", pooling)


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _fit_cross_encoder(
    rows: Sequence[Candidates], validation: Sequence[Candidates], args: PairArgs, source: Path, folder: Path,
    watch: Watch, mark: str, processes: Processes,
) -> tuple[dict[str, float], dict[str, Any]]:  # fmt: skip
    model, tokenizer, limit = _open_scorer(source, args)
    if args.mode == "lora":
        inside = model.base_model_prefix
        setattr(model, inside, with_lora(getattr(model, inside), args))
    model.to(processes.device)
    problem = CrossEncoderProblem(model, tokenizer, rows, validation, args, processes, limit)
    loop = Loop(
        problem, args, folder, watch, mark, metric=args.metric, head_rate=args.head_rate, processes=processes
    )  # fmt: skip
    outcome = loop.run()
    found = dict(problem.evaluate(processes))
    inside = model.base_model_prefix
    setattr(model, inside, merged(getattr(model, inside)))
    limit = min(args.max_tokens, limit)
    if processes.main:
        tokenizer.model_max_length = limit
        model.save_pretrained(folder, safe_serialization=True)
        save_tokenizer(tokenizer, folder)
    return found, {"max_tokens": limit, "loss": args.loss, **_steps(outcome)}


def _open_scorer(source: Path, args: PairArgs) -> tuple[Any, Any, int]:
    """The encoder with one output, drawn from the run's seed, its tokenizer and the most tokens it takes."""
    import torch
    from transformers import AutoModelForSequenceClassification

    backbone = open_backbone(source)  # says what is wrong with a folder before the head hides it
    with torch.random.fork_rng():
        torch.manual_seed(args.seed)
        try:
            model = AutoModelForSequenceClassification.from_pretrained(
                source, num_labels=1, use_safetensors=True, local_files_only=True, dtype=torch.float32,
                ignore_mismatched_sizes=True,
            )  # fmt: skip
        except ValueError as error:
            reason = str(error).strip().splitlines()[0]
            raise Unavailable("training.encoder_unreadable", name=source.name, reason=reason) from error
    if not hasattr(model, model.base_model_prefix):
        raise BadInput("training.encoder_missing", name=source.name)
    model.config.pad_token_id = backbone.pad
    return model, backbone.tokenizer, backbone.limit


def _steps(outcome: Outcome) -> dict[str, Any]:
    return {"steps": outcome.steps, "best_step": outcome.best_step, "stopped_early": outcome.stopped_early}
