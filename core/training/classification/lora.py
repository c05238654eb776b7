"""Low-rank deltas on every linear layer of an encoder (Hu et al. 2021, through PEFT), merged into it at the end."""

from __future__ import annotations

from typing import Any

from core.training.loop_args import LoopArgs


def with_lora(encoder: Any, args: LoopArgs) -> Any:
    """``encoder`` with its own weights fixed and trainable deltas beside them."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=args.lora_rank,
        lora_alpha=args.lora_alpha,
        lora_dropout=args.lora_dropout,
        target_modules="all-linear",
        exclude_modules=r".*pooler.*",
    )
    return get_peft_model(encoder, config)


def merged(encoder: Any) -> Any:
    """The encoder of its own class again, deltas added to its weights; one without deltas as it is."""
    return encoder.merge_and_unload() if hasattr(encoder, "merge_and_unload") else encoder
