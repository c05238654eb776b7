"""Training: every model the product uses is made here, whatever asks for it."""
