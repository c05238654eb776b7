"""Text classifiers: full, low-rank, frozen or few-shot training, cross-validation, labels in doubt."""
