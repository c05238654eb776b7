"""What Prometheus may ask for. Numbers only: no text and no name of anybody."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
ANSWERS = Counter("pilotlight_answers_total", "Answers by the rung that spoke.", ["rung"], registry=REGISTRY)
ANSWER_SECONDS = Histogram(
    "pilotlight_answer_seconds",
    "Time from question to stored answer.",
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=REGISTRY,
)
JOBS = Gauge("pilotlight_jobs", "Jobs by state.", ["state"], registry=REGISTRY)
HANDOFFS = Gauge("pilotlight_handoffs_waiting", "Customers who wait for a person.", registry=REGISTRY)
WORKER = Gauge("pilotlight_worker_alive", "1 when a worker gave a sign of life lately.", registry=REGISTRY)
