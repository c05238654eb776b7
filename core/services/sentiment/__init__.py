"""Sentiment as people use it: one text, many texts, a lane of doubtful ones, customers' mood, watches."""
