"""Actions as mutations: their SDL, what reaches the resolver, and what goes back."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import GraphQLSchema
from graphql import build_schema as parse_sdl
from graphql.language import print_ast
from graphql.type import GraphQLField, GraphQLInputObjectType
from strawberry.types.execution import ExecutionResult

from rxgraph.channels import ContextChannel
from rxgraph.compile.channel import compile_channel
from rxgraph.compile.schema import build_schema, print_schema
from rxgraph.compile.service import Unserved
from rxgraph.declare import registry
from rxgraph.errors import BackendError
from tests.compile.acting import BaseChannel, GenreChannel, Mixin, Track
from tests.compile.answering import Act, Recorder

COMPILED = compile_channel(GenreChannel)
SDL = print_schema(build_schema([COMPILED], Unserved()))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return parse_sdl(SDL)


def field(schema: GraphQLSchema, name: str) -> GraphQLField:
    assert schema.mutation_type is not None
    found: GraphQLField = schema.mutation_type.fields[name]
    return found


def default_of(value: Any) -> str:
    """Return how the SDL writes the default of an argument or input field."""
    node = value.ast_node.default_value
    return "" if node is None else f" = {print_ast(node)}"


def signature(schema: GraphQLSchema, name: str) -> str:
    """Return a mutation in one line, its session left out."""
    found = field(schema, name)
    assert str(found.args["session"].type) == "ID!"
    given = []
    for key, argument in found.args.items():
        given.append(f"{key}: {argument.type}{default_of(argument)}")
    return f"({', '.join(item for item in given if not item.startswith('session'))}): {found.type}"


async def run(resolvers: Recorder, document: str, **variables: object) -> ExecutionResult:
    result = await build_schema([COMPILED], resolvers).execute(document, variables)
    assert isinstance(result, ExecutionResult)
    return result


async def asked(document: str, answer: object = None, **variables: object) -> Act:
    """Run a mutation; return what the resolver was asked."""
    resolvers = Recorder(answer=answer)
    result = await run(resolvers, document, **variables)
    assert result.errors is None, result.errors
    (act,) = resolvers.acts
    return act


async def answered(document: str, answer: object) -> Any:
    """Run a mutation that answers *answer*; return its data."""
    result = await run(Recorder(answer=answer), document)
    assert result.errors is None, result.errors
    assert result.data is not None
    (found,) = result.data.values()
    return found


class TestDeclaring:
    def test_subclass_and_mixin_actions_are_inherited_and_listed_by_name(self):
        assert [(spec.method, spec.field_name) for spec in COMPILED.actions] == [
            ("defaults", "genreDefaults"),
            ("mood_of", "genreMoodOf"),
            ("ping", "genrePing"),
            ("rename", "genreRename"),
            ("restore", "genreRestore"),
            ("scalars", "genreScalars"),
            ("search", "genreSearch"),
            ("untyped", "genreUntyped"),
        ]

    def test_none_takes_an_action_back_for_all_below(self):
        with registry.isolated():

            class LaterChannel(GenreChannel):
                async def archive(self) -> None:  # type: ignore[override]
                    """Is no action: nobody marks it since it was taken back."""

                rename = None  # type: ignore[assignment]

            methods = [spec.method for spec in compile_channel(LaterChannel).actions]
        assert "archive" not in methods
        assert "rename" not in methods
        assert "restore" in methods

    def test_what_overrides_an_action_is_one_by_its_own_types(self, schema):
        assert signature(schema, "genreRestore") == "(at: DateTime): Int!"
        assert field(schema, "genreRestore").description == "Get it back as it was."

    def test_a_method_of_the_channel_itself_is_no_action(self, schema):
        assert "genreHelper" not in schema.mutation_type.fields

    def test_actions_of_a_channel_that_grants_nothing_make_mutations(self):
        assert COMPILED.writes == ()
        assert "type Mutation" in SDL


class TestSDL:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("genreRename", "(title: String!): Boolean!"),
            ("genrePing", "(): Boolean!"),
            ("genreUntyped", "(): JSON"),
            ("genreMoodOf", "(data: JSON, more: JSON!): [Mood!]!"),
            (
                "genreScalars",
                "(big: BigInt!, broken: Float!, clock: Time!, day: Date!, either: String!,"
                " exact: Decimal!, flag: Boolean!, key: ID!, kind: Format!, moment: DateTime!,"
                " mood: Mood!, rating: TrackRating!, span: Duration!, text: String!, uid: UUID!,"
                " whole: Int!): [JSON]!",
            ),
            (
                "genreDefaults",
                '(day: Date! = "2026-01-31", exact: Decimal! = "1.50", extra: JSON,'
                " flag: Boolean! = true, implied: String, maybe: Int = 3, mood: Mood! = LOUD,"
                " moods: [Mood!]! = [CALM, LOUD],"
                ' nothing: String, rating: TrackRating! = VERY_GOOD, text: String! = "x",'
                ' wanted: FilterInput, wholeNumber: Int! = 7, words: [String!]! = ["a", "b"])'
                ": JSON!",
            ),
            (
                "genreSearch",
                "(pages: [[Int]!]!, tags: [String!]!, wanted: FilterInput!): Report",
            ),
        ],
    )
    def test_signatures(self, schema, name, expected):
        assert signature(schema, name) == expected

    def test_inputs_are_named_nested_and_have_their_defaults(self, schema):
        filter_, span = schema.type_map["FilterInput"], schema.type_map["SpanInput"]
        assert isinstance(filter_, GraphQLInputObjectType)
        assert filter_.description == "What to look for."
        assert {name: str(item.type) for name, item in filter_.fields.items()} == {
            "atMost": "Int!",
            "level": "Level!",
            "moods": "[Mood!]",
            "price": "Decimal",
            "spans": "[[SpanInput!]!]",
            "text": "String!",
        }
        assert default_of(filter_.fields["atMost"]) == " = 10"
        assert default_of(filter_.fields["level"]) == " = LOW"
        assert isinstance(span, GraphQLInputObjectType)
        assert {name: str(item.type) for name, item in span.fields.items()} == {
            "firstDay": "Date!",
            "lastDay": "Date",
        }

    def test_results_are_object_types(self, schema):
        report = schema.type_map["Report"]
        assert report.description == "What was found."
        assert {name: str(item.type) for name, item in report.fields.items()} == {
            "byMood": "JSON!",
            "rest": "[Span!]!",
            "span": "Span",
            "summary": "String!",
            "taskId": "ID!",
        }
        assert str(schema.type_map["Span"].fields["lastDay"].type) == "Date"

    def test_enums_are_named_as_those_of_serializers(self, schema):
        assert set(schema.type_map["Mood"].values) == {"CALM", "LOUD"}
        assert set(schema.type_map["Format"].values) == {"CASSETTE", "VALUE_7_INCH"}
        assert set(schema.type_map["TrackRating"].values) == {"GOOD", "VERY_GOOD"}

    def test_docstrings_are_descriptions(self, schema):
        assert field(schema, "genreRename").description == "Give it another name."
        ping = "Do nothing.\n\nAnswers true when it has run."
        assert field(schema, "genrePing").description == ping
        assert "live context" in str(field(schema, "genrePing").args["session"].description)

    def test_a_directive_names_the_channel(self, schema):
        node = field(schema, "genreRename").ast_node
        assert node is not None
        assert [print_ast(item) for item in node.directives or ()] == ['@action(channel: "genre")']

    def test_the_sdl_is_the_same_whenever_it_is_made(self):
        assert print_schema(build_schema([COMPILED], Recorder())) == SDL

    def test_two_channels_share_the_types_of_their_actions(self):
        with registry.isolated():

            class OtherChannel(Mixin, BaseChannel):
                search = GenreChannel.search

            found = print_schema(
                build_schema([COMPILED, compile_channel(OtherChannel)], Unserved())
            )
        assert found.count("input FilterInput") == 1
        assert "otherSearch(" in found


class TestAsking:
    async def test_scalars_arrive_as_json_of_the_wire(self):
        act = await asked(
            """mutation { genreScalars(session: "s.1", flag: true, whole: 3, broken: 2, text: "t",
            key: 7, big: "9007199254740993", exact: "12.50", moment: "2026-01-31T12:00:00+00:00",
            day: "2026-01-31", clock: "12:30", span: "1 02:30:00", mood: LOUD, kind: VALUE_7_INCH,
            uid: "7d4448409dc011d1b2455ffdce74fad2", rating: VERY_GOOD, either: "a") }""",
            answer=[],
        )
        assert act == Act(
            "genreScalars",
            "s.1",
            {
                "flag": True,
                "whole": 3,
                "broken": 2.0,
                "text": "t",
                "key": "7",
                "big": "9007199254740993",
                "exact": "12.50",
                "moment": "2026-01-31T12:00:00Z",
                "day": "2026-01-31",
                "clock": "12:30:00",
                "span": "1 02:30:00",
                "uid": "7d444840-9dc0-11d1-b245-5ffdce74fad2",
                "mood": "LOUD",
                "kind": "VALUE_7_INCH",
                "rating": "VERY_GOOD",
                "either": "a",
            },
        )

    async def test_a_time_without_an_offset_is_of_the_project_s_zone(self, settings):
        settings.TIME_ZONE = "Europe/Berlin"
        act = await asked(
            'mutation { genreRestore(session: "s", at: "2026-07-01T12:00:00") }', answer=1
        )
        assert act.arguments == {"at": "2026-07-01T12:00:00+02:00"}

    async def test_what_is_left_out_is_the_default_of_the_method(self):
        act = await asked('mutation { genreDefaults(session: "s") }', answer={})
        assert act.arguments == {
            "flag": True,
            "wholeNumber": 7,
            "text": "x",
            "exact": "1.50",
            "day": "2026-01-31",
            "mood": "LOUD",
            "rating": "VERY_GOOD",
            "words": ["a", "b"],
            "moods": ["CALM", "LOUD"],
            "maybe": 3,
        }
        (spec,) = (spec for spec in COMPILED.actions if spec.method == "defaults")
        given = spec.decode(act.arguments)
        assert "extra" not in given
        assert given["rating"] is Track.Rating.VERY_GOOD

    async def test_null_where_it_is_allowed_is_told(self):
        act = await asked(
            'mutation { genreDefaults(session: "s", maybe: null, nothing: null, implied: null) }',
            answer={},
        )
        assert [act.arguments[name] for name in ("maybe", "nothing", "implied")] == [None] * 3

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ("extra: null", "genreDefaults: extra is null, not an object"),
            ("extra: [1]", "genreDefaults: extra is a list, not an object"),
            ("wanted: null", "genreDefaults: wanted is null, not a Filter"),
            (
                'wanted: {text: "x", moods: null}',
                "genreDefaults: wanted.moods is null, not a list",
            ),
        ],
    )
    async def test_null_for_what_may_only_be_left_out_is_refused(self, arguments, message):
        resolvers = Recorder()
        result = await run(resolvers, f'mutation {{ genreDefaults(session: "s", {arguments}) }}')
        assert resolvers.acts == []
        assert result.errors
        assert result.errors[0].message == message

    async def test_inputs_arrive_whole(self):
        wanted = {
            "text": "x",
            "moods": ["CALM", "LOUD"],
            "spans": [[{"firstDay": "2026-01-01"}], [{"firstDay": "2026-01-02", "lastDay": None}]],
            "price": "3.5",
            "level": "HIGH",
        }
        act = await asked(
            """mutation ($wanted: FilterInput!) {
            genreSearch(session: "s", wanted: $wanted, tags: ["a"], pages: [[1, null], []])
            { taskId } }""",
            wanted=wanted,
        )
        assert act.arguments == {
            "wanted": {**wanted, "atMost": 10},
            "tags": ["a"],
            "pages": [[1, None], []],
        }

    async def test_a_choice_that_is_none_is_refused(self):
        (spec,) = (spec for spec in COMPILED.actions if spec.method == "scalars")
        result = await run(Recorder(), 'mutation { genreMoodOf(session: "s", data: 1, more: 5) }')
        assert result.errors
        assert result.errors[0].message == "genreMoodOf: more is an int, not an object"
        either = next(item for item in spec.parameters if item.name == "either")
        with pytest.raises(Exception, match="none of 'a', 'b'"):
            either.shape.wire("c")

    async def test_the_session_is_required(self):
        result = await run(Recorder(), "mutation { genrePing }")
        assert result.errors
        assert "session" in result.errors[0].message


class TestAnswering:
    async def test_nothing_is_true(self):
        (spec,) = (spec for spec in COMPILED.actions if spec.method == "ping")
        assert await answered('mutation { genrePing(session: "s") }', spec.result.encode(None))

    async def test_null(self):
        document = """mutation { genreSearch(session: "s", tags: [], pages: [],
        wanted: {text: ""}) { taskId } }"""
        assert await answered(document, None) is None

    async def test_enums(self):
        document = 'mutation { genreMoodOf(session: "s", data: 1, more: {}) }'
        assert await answered(document, ["LOUD", "CALM"]) == ["LOUD", "CALM"]

    async def test_objects(self):
        document = """mutation { genreSearch(session: "s", tags: [], pages: [], wanted: {text: ""})
        { taskId byMood span { lastDay } rest { firstDay lastDay } summary } }"""
        report = {
            "taskId": "5",
            "byMood": {"CALM": 2},
            "span": {"firstDay": "2026-01-01"},
            "rest": [{"firstDay": "2026-01-02", "lastDay": "2026-01-03"}],
            "summary": "1 spans",
        }
        assert await answered(document, report) == {**report, "span": {"lastDay": None}}


async def test_a_schema_that_is_only_printed_acts_on_nothing():
    (spec,) = (spec for spec in COMPILED.actions if spec.method == "ping")
    with pytest.raises(BackendError, match="printed"):
        await Unserved().act(None, COMPILED, spec, "s", {})  # type: ignore[arg-type]


def test_a_channel_without_actions_has_none():
    with registry.isolated():

        class PlainChannel(ContextChannel):
            class Meta:
                state = GenreChannel.options.state

        assert compile_channel(PlainChannel).actions == ()
