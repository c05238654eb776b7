"""Thin HTTP doors beside the pages."""
