"""Turns a BERT sentence encoder into ONNX once: fp32, and int8 with a report of what int8 costs and saves.

Runs as a process of its own (``python -m core.models.onnx_export SOURCE TARGET``), so that torch, which only the export
needs, never stays in the memory of the web server or the worker.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import Unavailable

Precision = Literal["int8", "fp32"]

RECIPE = 1  # raise it when the export changes, so that older files are made anew
REPORT = "report.json"
# int8 is taken where no built-in sentence turns further than this from its fp32 vector; what it costs in nDCG is
# measured by benchmarks/nfcorpus.py.
LEAST_COSINE = 0.98
_ROOT = Path(__file__).resolve().parents[2]

SENTENCES: tuple[str, ...] = (
    "How do I return an item?",
    "Refunds reach your account within five business days after we receive the parcel.",
    "The Pro plan costs $49 a month, billed yearly, and includes single sign-on, audit logs and priority support.",
    "reset password",
    "Does vitamin D lower the risk of falls in adults over 65?",
    "A double-blind trial of 412 patients found no difference in mortality (hazard ratio 0.97, 95% CI 0.8-1.2).",
    "Error 0x80070057: the parameter is incorrect.",
    "Our warehouse in Rotterdam ships orders placed before 14:00 on the same day, except on public holidays.",
    "SKU-8841 | stainless steel bottle | 750 ml | EUR 24.90 | in stock",
    "You may cancel at any time; the rest of the month is not refunded unless the law of your country says so.",
    "The committee met on Tuesday to discuss whether the bridge should be closed while its cables are inspected.",
    "Is there a student discount, and can I combine it with the summer sale?",
)
SENTENCES_ZH: tuple[str, ...] = (
    "怎么退货？",
    "我们收到包裹后，退款会在五个工作日内原路退回您的账户。",
    "专业版每月四百元，按年付费，包含单点登录、审计日志和优先支持。",
    "忘記密碼",
    "六十五岁以上的老人补充维生素D能减少跌倒吗？",
    "除法定節假日外，下午兩點前下的單當天從鹿特丹倉庫發出。",
    "订单号 SKU-8841，不锈钢水壶，750毫升，现货。",
    "您可以随时取消，当月剩余的费用不予退还，法律另有规定的除外。",
)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What the export made: checksums by file name, worst cosine of int8 to fp32, CPU seconds for the same batch."""

    files: Mapping[str, str]
    least_cosine: float
    seconds_fp32: float
    seconds_int8: float

    def chosen(self, precision: Literal["auto", "int8", "fp32"]) -> Precision:
        """int8 where it keeps its quality and is the faster one here; a precision that was asked for is obeyed."""
        if precision != "auto":
            return precision
        good = self.least_cosine >= LEAST_COSINE and self.seconds_int8 < self.seconds_fp32
        return "int8" if good else "fp32"


def exported(source: Path, folder: Path) -> tuple[Path, ExportReport]:
    """The folder with ``fp32.onnx`` and ``int8.onnx`` of the model in ``source``: made once (seconds), then checked.

    A file lock keeps the web server and the worker from making it twice. Raises Unavailable when the export fails.
    """
    return exported_by("core.models.onnx_export", _key(source), folder, source)


def exported_by(module: str, key: str, folder: Path, *arguments: Path | str) -> tuple[Path, ExportReport]:
    """What ``python -m module ARGUMENTS... TARGET`` makes, once, in ``folder / key``: see :func:`exported`."""
    from filelock import FileLock

    folder.mkdir(parents=True, exist_ok=True)
    target = folder / key
    with FileLock(str(folder / "export.lock")):
        report = _checked(target)
        if report is None:
            _make(module, arguments, target)
            report = _checked(target)
    if report is None:
        raise Unavailable("models.export_failed", reason="the files do not match their checksums")
    return target, report


def _key(source: Path) -> str:
    """Names the weights, the recipe, the libraries and the processor's int8 instructions."""
    # A starter's merged folder is named by what is in it; its size alone would not tell two trainings apart.
    return export_key(source.name, (source / "model.safetensors").stat().st_size)


def export_key(*what: object) -> str:
    """A name that changes with ``what``, the recipe, the libraries and the processor's int8 instructions."""
    import onnxruntime

    parts = (RECIPE, *what, onnxruntime.__version__, platform.machine(), _has_vnni())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _has_vnni() -> bool:
    """Whether 8-bit products are summed without saturation; x86 before VNNI needs 7-bit weights to be safe."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return True
    info = Path("/proc/cpuinfo")
    return info.is_file() and "vnni" in info.read_text(encoding="utf-8", errors="replace")


def _checked(target: Path) -> ExportReport | None:
    path = target / REPORT
    if not path.is_file():
        return None
    report = ExportReport(**json.loads(path.read_text(encoding="utf-8")))
    intact = all((target / name).is_file() and sha256(target / name) == sha for name, sha in report.files.items())
    return report if intact else None


def _make(module: str, arguments: Sequence[Path | str], target: Path) -> None:
    building = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    command = [
        sys.executable,
        "-m",
        module,
        *(str(item.resolve() if isinstance(item, Path) else item) for item in (*arguments, building)),
    ]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    try:
        if done.returncode:
            raise Unavailable("models.export_failed", reason=(done.stderr.strip().splitlines() or ["no message"])[-1])
        shutil.rmtree(target, ignore_errors=True)
        building.rename(target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def sha256(path: Path) -> str:
    """Checksum of a file, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- in the process of its own --------------------------------------------------------------------------------


def _export(source: Path, target: Path) -> None:
    _export_fp32(source, target / "fp32.onnx")
    quantise(target / "fp32.onnx", target / "int8.onnx")
    report = _compare(source, target)
    (target / REPORT).write_text(json.dumps(asdict(report), indent=1), encoding="utf-8")


def _export_fp32(source: Path, path: Path) -> None:
    """One graph from token ids to L2-normalised sentence vectors; batch and sequence length stay free."""
    import torch
    from transformers import AutoModel

    pooling = json.loads((source / "1_Pooling" / "config.json").read_text(encoding="utf-8"))

    class SentenceVectors(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.bert = AutoModel.from_pretrained(
                str(source), attn_implementation="eager", use_safetensors=True, local_files_only=True
            )

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state  # [n, tokens, d]
            if pooling.get("pooling_mode_cls_token"):
                return torch.nn.functional.normalize(states[:, 0], dim=1)
            keep = attention_mask.unsqueeze(-1).to(states.dtype)
            return torch.nn.functional.normalize((states * keep).sum(1) / keep.sum(1).clamp(min=1e-9), dim=1)

    ids = torch.randint(1000, 20000, (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.no_grad():
        # The tracing exporter: the graph of the newer one ran 10 % slower in int8 and takes four times as long to make.
        torch.onnx.export(
            SentenceVectors().eval(),
            (ids, mask),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={"input_ids": {0: "n", 1: "tokens"}, "attention_mask": {0: "n", 1: "tokens"}},
            opset_version=17,
            dynamo=False,
        )


def quantise(source: Path, target: Path) -> None:
    """Dynamic int8 of the graph's matrix products, per channel."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=not _has_vnni(),
        op_types_to_quantize=["MatMul"],
    )


def _readable(source: Path) -> list[str]:
    """The built-in sentences that the tokenizer has all words of: an unknown word is noise in either precision."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    return [s for s in (*SENTENCES, *SENTENCES_ZH) if "[UNK]" not in tokenizer.encode(s).tokens]


def _compare(source: Path, target: Path) -> ExportReport:
    from core.models.encoder import OnnxEncoder

    def encoder(precision: Precision) -> OnnxEncoder:
        return OnnxEncoder("export", ("en",), source, target / f"{precision}.onnx", max_tokens=128, threads=1)

    fp32, int8 = encoder("fp32"), encoder("int8")
    both = ([side.encode([s], kind="passage")[0] for side in (fp32, int8)] for s in _readable(source))
    cosines = [float(one @ other) for one, other in both]
    long_texts = [" ".join(SENTENCES[i:] + SENTENCES[:i]) for i in range(4)]
    return ExportReport(
        files={name: sha256(target / name) for name in ("fp32.onnx", "int8.onnx")},
        least_cosine=min(cosines),
        seconds_fp32=_cpu_seconds(fp32, long_texts),
        seconds_int8=_cpu_seconds(int8, long_texts),
    )


def _cpu_seconds(encoder: Any, texts: Sequence[str]) -> float:
    """The best of three, in processor time: a busy machine slows the clock, not the count of instructions."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        encoder.encode(texts, kind="passage")
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    _export(Path(sys.argv[1]), Path(sys.argv[2]))
