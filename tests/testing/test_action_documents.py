"""Documents of actions: valid, and with everything that an action answers."""

from __future__ import annotations

import pytest
from graphql import parse, validate

from rxgraph.compile.channel import compile_channel
from rxgraph.serve.schema import make_schema
from rxgraph.testing import document_for, mutation_for
from tests.compile.acting import GenreChannel
from tests.torture.channels import AlbumChannel

COMPILED = compile_channel(GenreChannel)


@pytest.mark.parametrize("spec", COMPILED.actions, ids=lambda spec: spec.method)
def test_they_are_valid_from_whatever_they_are_written(spec):
    schema = make_schema([COMPILED])
    text = mutation_for(schema, spec.field_name)
    assert validate(schema._schema, parse(text)) == []
    assert sorted(mutation_for(schema.as_str(), spec.field_name).split()) == sorted(text.split())


def test_answers_are_selected_to_the_bottom():
    text = mutation_for(COMPILED, "genreSearch")
    assert " ".join(text.split()).endswith(
        "{ taskId byMood span { firstDay lastDay } rest { firstDay lastDay } summary } }"
    )


def test_what_has_a_default_may_be_left_out():
    text = mutation_for(COMPILED, "genreDefaults")
    assert "$wholeNumber: Int! = 7, " in text
    assert "$words: [String!]! = [" in text
    assert "$session: ID!" in text
    channel = document_for(compile_channel(AlbumChannel))
    assert "$albumId: Int!" in channel
    assert "$shelf: Shelf! = FRONT," in channel
