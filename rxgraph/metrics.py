"""``RxGraphCollector`` for the project's own ``prometheus_client`` registry."""

from rxgraph.serve.metrics import RxGraphCollector

__all__ = ["RxGraphCollector"]
