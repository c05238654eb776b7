"""The demo workspace: an invented company, Larkmoss, with its documents, questions, reviews and items."""
