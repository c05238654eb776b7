"""Sentence-pair models: bi-encoders for search and cross-encoders that rerank."""
