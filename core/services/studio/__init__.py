"""The studio: data sets, runs, model versions and what they serve."""
