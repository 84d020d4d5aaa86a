"""The channels of the world that the environment names."""

from __future__ import annotations

import json
import os

from tests.isolation.worlds import channels_of, world_of

CHANNELS = channels_of(world_of(json.loads(os.environ["ISOLATION_WORLD"])))
