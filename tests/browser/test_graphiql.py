"""GraphiQL in a real browser, against a real server."""

from __future__ import annotations

from tests.browser.running import run_scenario
from tests.integration.board import serving_board


def test_it_runs_a_query_a_live_subscription_and_a_mutation_and_asks_no_other_host(tmp_path):
    with serving_board(tmp_path, rxgraph={"EXPLORE": True}) as board:

        def title() -> str:
            code = f"""
from channels_app.models import Task
print(Task.objects.get(pk={board.task}).title)
"""
            from tests.integration.servers import run_code

            return run_code(board.server.environ, code).strip()

        facts = run_scenario(
            "graphiql.mjs",
            {"save": lambda title: board.save("Task", board.task, title=title), "title": title},
            url=board.server.graphql_url,
            token=board.token("ann"),
            project=board.project,
            task=board.task,
        )
    assert facts["requests"] > 10
