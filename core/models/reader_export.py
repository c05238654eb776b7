"""Puts a reader together from an encoder and its low-rank changes, and exports it for onnxruntime, fp32 and int8.

Runs as a process of its own (``python -m core.models.reader_export ENCODER CHANGES TARGET``), as the encoder's export
does, so that torch stays out of the web server and the worker.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.models import onnx_export
from core.models.reading import Page, SheetMaker, padded

CHANGES = "changes.safetensors"
HEAD = ("classifier.weight", "classifier.bias")
PAGES = (
    Page("Returns", "Send it back within 30 days. The label is in the box. We refund within 5 working days.", ()),
    Page("Warranty", "Two years on the pump. Batteries are covered for one year only.", ()),
    Page("保修", "主机保修两年。电池保修一年。人为损坏不在保修范围内。", ()),
    Page("退款", "退款在五个工作日内原路退回。超过三十天不予退货。", ()),
)
QUESTIONS = ("How long is the warranty?", "钱什么时候退回来？")


def with_changes(weights: dict[str, Any], changes: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """``weights`` plus ``B @ A`` of every ``<name>.A`` [rank, in] and ``<name>.B`` [out, rank], and the new head."""
    made = dict(weights)
    for name in sorted(key.removesuffix(".A") for key in changes if key.endswith(".A")):
        up, down = changes[f"{name}.B"].astype(np.float32), changes[f"{name}.A"].astype(np.float32)
        made[f"{name}.weight"] = made[f"{name}.weight"] + up @ down
    return made | {name: changes[name].astype(np.float32) for name in HEAD}


def _export(encoder: Path, changes: Path, target: Path) -> None:
    import torch
    from safetensors.numpy import load_file
    from transformers import BertForTokenClassification

    model = BertForTokenClassification.from_pretrained(
        str(encoder), num_labels=1, attn_implementation="eager", use_safetensors=True, local_files_only=True
    )
    whole = with_changes({n: t.numpy() for n, t in model.state_dict().items()}, load_file(changes / CHANGES))
    model.load_state_dict({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in whole.items()})

    class TokenLogits(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model.eval()

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.model(input_ids, attention_mask, token_type_ids).logits[..., 0]  # [n, tokens]

    ids = torch.randint(5, model.config.vocab_size, (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    free = {0: "n", 1: "tokens"}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    with torch.no_grad():
        torch.onnx.export(
            TokenLogits().eval(),
            (ids, mask, torch.zeros_like(ids)),
            str(target / "fp32.onnx"),
            input_names=names,
            output_names=["logits"],
            dynamic_axes=dict.fromkeys(names, free),
            opset_version=17,
            dynamo=False,
        )
    onnx_export.quantise(target / "fp32.onnx", target / "int8.onnx")
    shutil.copy(encoder / "tokenizer.json", target / "tokenizer.json")
    report = _compare(target)
    (target / onnx_export.REPORT).write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")


def _compare(target: Path) -> onnx_export.ExportReport:
    """How far int8 turns the logits (cosine over all built-in tokens) and what each precision costs."""
    import time

    import onnxruntime

    maker = SheetMaker(target / "tokenizer.json")
    feeds = [dict(padded(maker.sheets(question, PAGES))) for question in QUESTIONS]
    logits, seconds = {}, {}
    for precision in ("fp32", "int8"):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            str(target / f"{precision}.onnx"), options, providers=["CPUExecutionProvider"]
        )
        took = []
        for _ in range(3):
            start = time.process_time()
            found = [session.run(None, feed)[0].ravel() for feed in feeds]
            took.append(time.process_time() - start)
        logits[precision], seconds[precision] = np.concatenate(found), min(took)
    one, other = logits["fp32"], logits["int8"]
    return onnx_export.ExportReport(
        files={name: onnx_export.sha256(target / name) for name in ("fp32.onnx", "int8.onnx", "tokenizer.json")},
        least_cosine=float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other))),
        seconds_fp32=seconds["fp32"],
        seconds_int8=seconds["int8"],
    )


if __name__ == "__main__":
    _export(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
