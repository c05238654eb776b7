"""Demo links: one customer is shown some pages of one workspace, without an account and within limits."""
