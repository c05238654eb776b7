"""Content generation: writing, drafts, voices, checks and batches, each a use case of the pages and the CLI."""
