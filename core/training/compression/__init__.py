"""Smaller and faster variants of a trained text classifier, measured beside it."""
