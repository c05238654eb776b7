"""Content: templates, prompts, the memory of a company's voice, checks, exports. Knows no database."""
