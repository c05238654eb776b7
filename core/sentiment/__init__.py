"""Sentiment: what a text says of its writer's mood, of which things, and how sure that is."""
