"""Writes a GPT-2 in CTranslate2's int8 form, straight from its safetensors: no torch model is built on the way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Unavailable
from core.models.conversion import converted
from core.models.gpt2_shape import TANH_GELU, Gpt2Shape, plain_names, read_shape
from core.models.weights import load_weights

RECIPE = "gpt2-ct2-1"  # another number when the conversion changes, so that older files are made anew
Weights = Mapping[str, NDArray[np.float32]]


def exported(folder: Path, cache: Path, tokenizer: Any) -> Path:
    """The CTranslate2 model of the GPT-2 in ``folder``, made on the first call and kept in ``cache``.

    Raises Unavailable (generation.not_gpt2 and those of ``core.models.conversion.converted``).
    """
    shape = read_shape(folder)
    if shape is None:
        raise Unavailable("generation.not_gpt2", name=folder.name)

    def make(target: Path) -> None:
        # Quantising works in place, and what is mapped from disk cannot be written to.
        weights = {name: array.copy() for name, array in plain_names(load_weights(folder)).items()}
        spec = _spec(shape, weights)
        spec.register_vocabulary(vocabulary(tokenizer, shape))
        end = vocabulary(tokenizer, shape)[shape.end_ids[0] if shape.end_ids else 0]
        spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = end
        spec.validate()
        spec.optimize(quantization="int8")
        spec.save(str(target))

    return converted(folder, cache, RECIPE, make)


def vocabulary(tokenizer: Any, shape: Gpt2Shape) -> list[str]:
    """The token of each id; a name of its own for ids that the model has and the tokenizer lacks."""
    names = (tokenizer.id_to_token(number) for number in range(shape.vocabulary))
    return [name if name is not None else f"<unused {number}>" for number, name in enumerate(names)]


def _spec(shape: Gpt2Shape, weights: Weights) -> Any:
    from ctranslate2.specs import common_spec, transformer_spec

    tanh = common_spec.Activation.GELUTanh
    kinds = {"gelu": common_spec.Activation.GELU, "relu": common_spec.Activation.RELU} | dict.fromkeys(TANH_GELU, tanh)
    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        shape.layers, shape.heads, pre_norm=True, activation=kinds[shape.activation]
    )
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = weights["wte.weight"]
    decoder.position_encodings.encodings = weights["wpe.weight"]
    _norm(decoder.layer_norm, weights, "ln_f")
    for number, layer in enumerate(decoder.layer):
        _norm(layer.self_attention.layer_norm, weights, f"h.{number}.ln_1")
        _linear(layer.self_attention.linear[0], weights, f"h.{number}.attn.c_attn")
        _linear(layer.self_attention.linear[1], weights, f"h.{number}.attn.c_proj")
        _norm(layer.ffn.layer_norm, weights, f"h.{number}.ln_2")
        _linear(layer.ffn.linear_0, weights, f"h.{number}.mlp.c_fc")
        _linear(layer.ffn.linear_1, weights, f"h.{number}.mlp.c_proj")
    decoder.projection.weight = weights["wte.weight"] if shape.tied else weights["lm_head.weight"]
    return spec


def _norm(spec: Any, weights: Weights, name: str) -> None:
    spec.gamma, spec.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


def _linear(spec: Any, weights: Weights, name: str) -> None:
    spec.weight, spec.bias = np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]
