"""Trusted documents with Apollo Client, its persisted queries, urql and graphql-ws from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.board import serving_board
from tests.integration.servers import ROOT

CLIENT = ROOT / "frontend_codegen" / "packages" / "client"

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here"),
    pytest.mark.skipif(
        not (ROOT / "frontend_codegen" / "node_modules" / "graphql").exists(),
        reason="run npm ci in frontend_codegen",
    ),
]


def test_the_generated_documents_are_served_to_every_client_and_nothing_else(
    tmp_path: Path,
) -> None:
    with serving_board(tmp_path, rxgraph={"DOCUMENTS": "trusted"}) as board:
        options = {
            "url": board.server.graphql_url,
            "socketUrl": board.server.websocket_url,
            "token": board.token("ann"),
            "projectId": board.project,
        }
        done = subprocess.run(  # noqa: S603
            ["node", "tests/trusted.mjs", json.dumps(options)],  # noqa: S607
            cwd=CLIENT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    name = found["hashed"].pop("name")
    assert name
    assert found["hashed"] == {"requests": 1, "texts": 0}  # the hash it computes is known
    assert found["named"] == {"name": name, "requests": 1, "texts": 0}
    # Unknown by its hash, so Apollo sends the text, which is refused as well.
    assert found["foreign"] == {"code": "QUERY_NOT_IN_SAFELIST", "requests": 2, "texts": 1}
    assert found["urql"] == {"name": name}
    assert found["socket"] == {"kind": "SNAPSHOT"}
    assert found["socketForeign"] == {"code": "QUERY_NOT_IN_SAFELIST"}
