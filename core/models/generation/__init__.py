"""Text generation: engines, sampling, batching, streaming."""
