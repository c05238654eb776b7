"""Keeping what people entrusted to us: backup, restore, move, encryption, retention, export and erasure."""
