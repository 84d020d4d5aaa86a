"""GraphQL documents that write themselves, from nothing but a schema."""

from rxgraph.compile.documents.files import HEADER, SHARED_FILE, document_files
from rxgraph.compile.documents.operations import mutation_text, query_text, subscription_text
from rxgraph.compile.documents.selections import Relations, fragments, layers_of
from rxgraph.compile.documents.shapes import ChannelShape, read_channel, read_channels

__all__ = [
    "HEADER",
    "SHARED_FILE",
    "ChannelShape",
    "Relations",
    "document_files",
    "fragments",
    "layers_of",
    "mutation_text",
    "query_text",
    "read_channel",
    "read_channels",
    "subscription_text",
]
