"""Language models of the GPT-2 kind: tokenizers, packing, optimiser, loop."""
