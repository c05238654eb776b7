"""Decoders: they compute what transformers computes, and a row never depends on the rows beside it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import Unavailable
from core.models.generation import gpt2_onnx
from core.models.generation.decoder_onnx import OnnxDecoder
from core.models.generation.decoder_transformers import TransformersDecoder
from core.models.weights import PACKED, PLAIN, load_weights, pack, unpack
from tests.unit.models.generation_helpers import POSITIONS, reference_logits, tiny

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def int8(folder: Path, cache: Path) -> OnnxDecoder:
    return OnnxDecoder(folder, cache, most_rows=5, threads=1)


@pytest.fixture(scope="module")
def fp32(folder: Path) -> TransformersDecoder:
    return TransformersDecoder(folder, device="cpu", most_rows=5, threads=1)


@pytest.fixture(scope="module")
def reference(folder: Path) -> Any:
    return reference_logits(folder)


# What a scheduler may do to a decoder: read a prompt, copy the last row, drop one, append a token to all.
COMMANDS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.lists(st.integers(0, 419), min_size=1, max_size=20)),
        st.tuples(st.just("fork"), st.just([])),
        st.tuples(st.just("drop"), st.lists(st.integers(0, 9), min_size=1, max_size=1)),
        st.tuples(st.just("step"), st.lists(st.integers(0, 419), min_size=5, max_size=5)),
    ),
    min_size=2,
    max_size=25,
)


def played(decoder: Any, commands: Any, check: Callable[[list[int], Any, Any], None]) -> None:
    """Runs ``commands``; ``check`` sees the ids of each row and what the decoder says of it."""
    decoder.clear()
    rows: list[list[int]] = []
    for kind, values in commands:
        if kind == "read" and len(rows) < decoder.most_rows:
            rows.append(list(values))
            step = decoder.read(values)
            check(rows[-1], step.logits[0], step.hidden[0])
        elif kind == "fork" and rows and len(rows) < decoder.most_rows:
            rows.append(list(rows[-1]))
            decoder.fork()
        elif kind == "drop" and rows:
            row = values[0] % len(rows)
            decoder.drop(row)
            rows[row] = rows[-1]
            rows.pop()
        elif kind == "step" and rows and max(map(len, rows)) < POSITIONS:
            for row, token in zip(rows, values, strict=False):
                row.append(token)
            step = decoder.step([row[-1] for row in rows])
            for place, row in enumerate(rows):
                check(row, step.logits[place], step.hidden[place])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COMMANDS)
def test_transformers_rows_are_what_the_model_says_of_each_alone(
    fp32: TransformersDecoder, reference: Any, commands: Any
) -> None:
    played(fp32, commands, lambda ids, logits, _: np.testing.assert_allclose(logits, reference(ids)[-1], atol=2e-3))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(COMMANDS)
def test_int8_rows_are_bit_for_bit_what_they_are_alone(
    int8: OnnxDecoder, folder: Path, cache: Path, commands: Any
) -> None:
    alone = OnnxDecoder(folder, cache, most_rows=1, threads=1)
    seen: list[tuple[list[int], Any]] = []
    played(int8, commands, lambda ids, logits, _: seen.append((list(ids), logits)))
    prompts = [tuple(values) for kind, values in commands if kind == "read"]
    for ids, logits in seen:
        prompt = max((p for p in prompts if tuple(ids[: len(p)]) == p), key=len)
        step = alone.read(prompt)
        for token in ids[len(prompt) :]:
            step = alone.step([token])
        alone.drop(0)
        if sum(tuple(ids[: len(p)]) == p for p in set(prompts)) == 1:  # otherwise it may have been read as another
            np.testing.assert_array_equal(step.logits[0], logits)


def test_int8_stays_near_fp32(int8: OnnxDecoder, reference: Any) -> None:
    int8.clear()
    ids = [int(n) for n in np.random.default_rng(3).integers(0, 420, 60)]
    logits = int8.read(ids).logits[0]
    wanted = reference(ids)[-1]
    assert np.corrcoef(logits, wanted)[0, 1] > 0.99
    assert np.abs(logits - wanted).mean() < 0.1 * wanted.std()


def test_scores_are_the_log_probabilities_of_the_text(
    fp32: TransformersDecoder, int8: OnnxDecoder, reference: Any
) -> None:
    ids = [int(n) for n in np.random.default_rng(4).integers(0, 420, 90)]
    logits = reference(ids).astype(np.float64)
    everything = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    wanted = everything[np.arange(89), ids[1:]]
    int8.clear()
    int8.read(ids[:5])
    for decoder, tolerance in ((fp32, 1e-3), (int8, 0.5)):
        score = decoder.score(ids)
        assert np.abs(score.log_probabilities - wanted).mean() < tolerance
        assert score.hidden.shape == (89, 32)
    assert int8.step([1]).logits.shape == (1, 420)  # the rows are still there


def test_the_end_token_and_the_window_come_from_the_config(fp32: TransformersDecoder, int8: OnnxDecoder) -> None:
    for decoder in (fp32, int8):
        assert (decoder.end_ids, decoder.window, decoder.width, decoder.vocabulary) == (
            frozenset({0}),
            POSITIONS,
            32,
            420,
        )


@pytest.mark.parametrize("activation", ["relu", "gelu", "gelu_new"])
@pytest.mark.parametrize("tied", [True, False])
def test_every_form_of_gpt2_is_exported(tmp_path: Path, activation: str, tied: bool) -> None:
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=50, n_positions=16, n_embd=48, n_layer=1, n_head=3, n_inner=80, activation_function=activation,
        tie_word_embeddings=tied, initializer_range=0.3, eos_token_id=None, bos_token_id=None,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    decoder = OnnxDecoder(tmp_path, tmp_path / "cache", threads=1)
    ids = [3, 1, 4, 1, 5, 9, 2, 6]
    assert np.corrcoef(decoder.read(ids).logits[0], reference_logits(tmp_path)(ids)[-1])[0, 1] > 0.99
    assert decoder.end_ids == frozenset()


# --- conversion ----------------------------------------------------------------------------------------------------


def test_a_graph_is_made_once_and_again_when_the_weights_change(folder: Path, tmp_path: Path) -> None:
    first = gpt2_onnx.exported(folder, tmp_path / "cache")
    made = first.stat().st_mtime_ns
    assert gpt2_onnx.exported(folder, tmp_path / "cache").stat().st_mtime_ns == made
    other = tmp_path / "other"
    from tests.tiny_models import tiny_gpt2

    tiny_gpt2(other, positions=POSITIONS, seed=8)
    assert gpt2_onnx.exported(other, tmp_path / "cache") != first


def test_a_conversion_that_broke_off_is_not_used(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(gpt2_onnx._Graph, "model", broken)
        with pytest.raises(KeyboardInterrupt):
            gpt2_onnx.exported(folder, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert gpt2_onnx.exported(folder, tmp_path).is_file()


def test_weights_of_another_shape_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    save_file({"wte.weight": np.zeros((4, 4), np.float32)}, tmp_path / PLAIN)
    with pytest.raises(Unavailable, match="cannot be read") as caught:
        OnnxDecoder(tmp_path, tmp_path / "cache")
    assert caught.value.code == "generation.bad_weights"
    assert not any((tmp_path / "cache").glob("gpt2*/"))


@pytest.mark.parametrize(
    ("content", "code"),
    [(None, "generation.no_weights"), (b"\x80\x04pickled", "generation.bad_weights"), (b"", "generation.bad_weights")],
)
def test_files_that_are_no_safetensors_are_refused(
    folder: Path, tmp_path: Path, content: bytes | None, code: str
) -> None:
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    if content is not None:
        (tmp_path / PLAIN).write_bytes(content)
    with pytest.raises(Unavailable) as caught:
        OnnxDecoder(tmp_path, tmp_path / "cache")
    assert caught.value.code == code


def test_int8_writes_without_torch_in_the_process(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from core.models.generation.text_generation import open_generator, GenerationSettings;"
        f"g = open_generator(Path({str(folder)!r}), Path({str(tmp_path)!r}), device='cpu', threads=1);"
        "assert g.write(['The plan'], GenerationSettings(max_tokens=5, seed=1))[0][0].tokens;"
        "print(g.engine, [m for m in ('torch', 'transformers', 'ctranslate2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "onnxruntime int8 []"


# --- packed weights --------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 90), st.sampled_from([4, 6, 8]), st.integers(0, 2**32 - 1))
def test_packing_rounds_to_half_a_step_of_its_group(rows: int, columns: int, bits: int, seed: int) -> None:
    matrix = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    vector = matrix[0]
    back = unpack(pack({"matrix": matrix, "vector": vector}, bits))
    np.testing.assert_allclose(back["vector"], vector, rtol=1e-3)
    assert back["matrix"].shape == matrix.shape
    step = np.abs(matrix).max() / (2 ** (bits - 1) - 1)
    assert np.abs(back["matrix"] - matrix).max() <= 0.51 * step + 1e-3 * np.abs(matrix).max()


def test_a_packed_folder_opens_on_both_engines(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    save_file(pack(load_weights(folder), 8), tmp_path / PACKED)
    ids = [5, 80, 200, 7, 12]
    wanted = reference_logits(folder)(ids)[-1]
    for decoder in (OnnxDecoder(tmp_path, tmp_path / "cache", threads=1), TransformersDecoder(tmp_path, device="cpu")):
        assert np.corrcoef(decoder.read(ids).logits[0], wanted)[0, 1] > 0.99
