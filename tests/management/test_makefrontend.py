"""``manage.py makefrontend``: what it writes, shows and leaves alone, and says when things lack."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from rxgraph.channels import ContextChannel
from rxgraph.compile.documents import HEADER
from rxgraph.declare import registry
from tests.management.front_end import GENERATED, make_front_end
from tests.torture.serializers import GenreSerializer, TrackSerializer

OWN_DOCUMENTS = """import { codegenConfig } from '@rxgraph/client/codegen';

export default codegenConfig({ documents: ['src/**/*.graphql'] });
"""


@pytest.fixture(autouse=True)
def base(tmp_path: Path) -> Iterator[Path]:
    """Let the project lie in a folder of its own."""
    with override_settings(BASE_DIR=tmp_path), registry.isolated():
        declare("Track", TrackSerializer())
        yield tmp_path


def declare(name, state):
    return type(f"{name}Channel", (ContextChannel,), {"Meta": type("Meta", (), {"state": state})})


def make(*arguments: str) -> str:
    """Run the command; return what it prints."""
    out = io.StringIO()
    call_command("makefrontend", *arguments, stdout=out, stderr=out, no_color=True)
    return out.getvalue()


def files(base: Path) -> dict[str, str]:
    found = (path for path in (base / "schema").rglob("*") if path.is_file())
    return {path.relative_to(base).as_posix(): path.read_text() for path in found}


def test_it_writes_the_schema_and_the_documents_and_says_what_is_missing(base):
    told = make()
    assert set(files(base)) == {
        "schema/schema.graphql",
        "schema/operations/track.graphql",
        "schema/documents.json",
    }
    assert "wrote schema/schema.graphql\nwrote schema/operations/track.graphql\n" in told
    assert "No TypeScript was generated. frontend: there is no such folder" in told
    assert 'RXGRAPH["FRONTEND_DIR"]' in told
    before = files(base)
    assert "schema.graphql" not in make()
    assert files(base) == before


def test_the_schema_is_the_one_that_export_sdl_prints(base):
    make()
    out = io.StringIO()
    call_command("export_sdl", stdout=out)
    assert files(base)["schema/schema.graphql"] == out.getvalue()


def test_folders_are_settings(base):
    with override_settings(RXGRAPH={"SCHEMA_DIR": base / "api", "FRONTEND_DIR": "web"}):
        told = make()
    assert (base / "api" / "operations" / "track.graphql").is_file()
    assert "web: there is no such folder" in told


def test_without_node_it_says_what_to_run_where_there_is_one(base, monkeypatch):
    (base / "frontend").mkdir()
    monkeypatch.setenv("PATH", str(base))
    told = make()
    assert "Node.js is not on PATH; where it is, run there: npm install && npx graphql-c" in told
    assert (base / "schema" / "schema.graphql").is_file()


def test_without_the_generator_it_says_what_to_install(base, monkeypatch):
    (base / "frontend").mkdir()
    (base / "node").write_text("#!/bin/sh\n")
    (base / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(base))
    assert "GraphQL Code Generator is not installed; run there: npm install" in make()


def test_a_dry_run_shows_a_diff_writes_nothing_and_ends_with_1(base, capsys):
    with pytest.raises(SystemExit) as ended:
        make("--dry-run")
    assert ended.value.code == 1
    assert files(base) == {}
    make()
    assert "TypeScript was not compared" in make("--dry-run")  # and ends well

    path = base / "schema" / "operations" / "track.graphql"
    path.write_text(path.read_text().replace("query Track(", "query Old("))
    before, out = files(base), io.StringIO()
    with pytest.raises(SystemExit):
        call_command("makefrontend", "--dry-run", stdout=out)
    told = out.getvalue()
    assert "--- a/schema/operations/track.graphql\n+++ b/schema/operations/track.graphql\n" in told
    assert "-query Old(" in told
    assert "+query Track(" in told
    assert files(base) == before


def test_quiet_prints_nothing(base):
    assert make("--quiet") == ""
    assert make("--dry-run", "--quiet") == ""


def test_files_of_channels_that_are_gone_are_removed_but_only_its_own(base):
    declare("Genre", GenreSerializer())
    make()
    operations = base / "schema" / "operations"
    assert sorted(path.name for path in operations.iterdir()) == [
        "genre.graphql", "shared-layers.graphql", "track.graphql"
    ]  # fmt: skip
    (operations / "mine.graphql").write_text("query Mine { __typename }\n")
    with registry.isolated():
        declare("Track", TrackSerializer())
        out = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("makefrontend", "--dry-run", stdout=out)
        assert "--- a/schema/operations/genre.graphql\n+++ /dev/null\n" in out.getvalue()
        told = make()
    assert "removed schema/operations/genre.graphql" in told
    assert sorted(path.name for path in operations.iterdir()) == ["mine.graphql", "track.graphql"]


def test_what_somebody_else_wrote_is_written_over_by_force_only(base):
    path = base / "schema" / "operations" / "track.graphql"
    path.parent.mkdir(parents=True)
    path.write_text("query Mine { __typename }\n")
    with pytest.raises(CommandError, match=r"operations/track\.graphql: not written by makefront"):
        make()
    assert files(base) == {"schema/operations/track.graphql": "query Mine { __typename }\n"}
    make("--force")
    assert path.read_text().startswith(HEADER)


def test_a_wrong_declaration_is_told(base):
    with registry.isolated(), pytest.raises(CommandError, match="declare a ContextChannel"):
        make()
    assert files(base) == {}


@pytest.mark.integration
@pytest.mark.slow
class TestGenerating:
    """With GraphQL Code Generator, which is the real one."""

    def test_it_generates_and_a_dry_run_compares_what_was_generated(self, base):
        front_end = make_front_end(base)
        told = make()
        assert "generated TypeScript in frontend" in told
        assert "export const trackChannel: ChannelDescriptor<" in front_end.generated.read_text()
        front_end.compile()
        assert make("--dry-run") == "nothing would change\n"

        front_end.generated.write_text("export const old = 1;\n")
        out = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("makefrontend", "--dry-run", stdout=out)
        assert GENERATED in out.getvalue()
        assert "❯" not in out.getvalue()
        assert front_end.generated.read_text() == "export const old = 1;\n"
        assert make("--quiet") == ""
        assert "trackChannel" in front_end.generated.read_text()

    def test_documents_of_the_project_itself_use_the_fragments(self, base):
        front_end = make_front_end(base, OWN_DOCUMENTS)
        (front_end.folder / "src").mkdir()
        (front_end.folder / "src" / "titles.graphql").write_text(
            "query Titles($id: ID!) { track(id: $id) { id state { ...TrackFields } } }"
        )
        make()
        generated = front_end.generated.read_text()
        assert "export const TitlesDocument" in generated
        assert "query: TrackDocument," in generated
        front_end.compile()

    def test_a_generator_that_fails_shows_what_it_said(self, base):
        make_front_end(base, "throw new Error('no configuration today');\n")
        with pytest.raises(CommandError) as failed:
            make()
        assert "no configuration today" in str(failed.value)
        assert "GraphQL Code Generator failed in frontend" in str(failed.value)

    def test_documents_that_are_missing_are_named(self, base):
        front_end = make_front_end(base)
        make()
        path = base / "schema" / "operations" / "track.graphql"
        path.write_text(path.read_text().replace("subscription TrackLive(", "subscription Other("))
        with pytest.raises(AssertionError, match=r"no subscription TrackLive of track"):
            front_end.generate()

    def test_a_schema_that_is_not_ours_is_told(self, base):
        front_end = make_front_end(base)
        (base / "schema" / "operations").mkdir(parents=True)
        (base / "schema" / "schema.graphql").write_text("type Query { a: Int }")
        (base / "schema" / "operations" / "a.graphql").write_text("query A { a }")
        with pytest.raises(AssertionError, match="has no type with @channel"):
            front_end.generate()
