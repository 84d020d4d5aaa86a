"""Generated TypeScript: right at the strictest of ``tsc``, and no more writable than declared."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import build_schema

from rxgraph.compile.documents import document_files
from rxgraph.compile.service import sdl
from tests.management.front_end import ROOT, make_front_end

pytestmark = [pytest.mark.integration, pytest.mark.slow]

HERE = Path(__file__).parent
SCHEMAS = {
    "board": (ROOT / "schema" / "schema.graphql").read_text,
    "torture": sdl,  # everything that the apps of the tests declare
    "names": (HERE / "names.graphql").read_text,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_compiles_at_the_strictest_and_has_the_types_that_are_declared(name, tmp_path):
    front_end = make_front_end(tmp_path)
    operations = tmp_path / "schema" / "operations"
    operations.mkdir(parents=True)
    text = SCHEMAS[name]()
    (tmp_path / "schema" / "schema.graphql").write_text(text)
    for file_name, documents in document_files(build_schema(text)).items():
        (operations / file_name).write_text(documents)
    front_end.generate()
    generated = front_end.generated.read_text()
    assert not re.search(r"[:<|&(] ?any\b", generated)
    front_end.compile(*(HERE / "typescript").glob(f"{name}.ts"))


def test_the_types_of_tests_can_fail(tmp_path):
    """What says ``@ts-expect-error`` must be an error: else the type tests would prove nothing."""
    front_end = make_front_end(tmp_path)
    (front_end.folder / "src").mkdir()
    (front_end.folder / "src" / "wrong.ts").write_text("// @ts-expect-error\nexport const a = 1;\n")
    with pytest.raises(AssertionError, match="Unused '@ts-expect-error' directive"):
        front_end.compile()
