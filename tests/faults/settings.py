"""Settings of the processes of a run: quick to notice what is gone, and armed."""

from __future__ import annotations

from rxgraph import faults
from tests.faults import points
from tests.integration.cluster_settings import *  # noqa: F403
from tests.integration.cluster_settings import CHANNEL_LAYERS, RXGRAPH

CHANNEL_LAYERS["default"]["BACKEND"] = "tests.faults.layers.FillableLayer"

RXGRAPH.update(
    SWEEP_SECONDS=0.5,
    SWEEP_GRACE_SECONDS=1.0,
    POLL_SECONDS=0.5,
    LEASE_SECONDS=2.0,
    STORE_TIMEOUT_SECONDS=2.0,
    REAUTH_SECONDS=2.0,
)

faults.arm(points.strike)
