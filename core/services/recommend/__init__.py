"""Recommendations: catalogues, imports, the day-0 wizard, lists, rules, feedback and experiments."""
