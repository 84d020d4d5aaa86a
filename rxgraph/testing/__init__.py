"""What adopters test their channels with: a real client, and documents that write themselves."""

from rxgraph.testing.client import SubscriptionClient
from rxgraph.testing.documents import document_for, mutation_for, query_for
from rxgraph.testing.fold import DanglingReference, Fold
from rxgraph.testing.subscription import (
    Completed,
    ConnectionClosed,
    OperationFailed,
    Subscription,
    Unexpected,
    WriteRefused,
)

__all__ = [
    "Completed",
    "ConnectionClosed",
    "DanglingReference",
    "Fold",
    "OperationFailed",
    "Subscription",
    "SubscriptionClient",
    "Unexpected",
    "WriteRefused",
    "document_for",
    "mutation_for",
    "query_for",
]
