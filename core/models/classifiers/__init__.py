"""Trained text classifiers in use: probabilities, explanations, export."""
