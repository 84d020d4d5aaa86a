"""GraphiQL, served by the application itself to browsers that open the GraphQL URL."""

from rxgraph.serve.explorer.assets import asset_name, serve_asset
from rxgraph.serve.explorer.page import page_headers, render_page

__all__ = ["asset_name", "page_headers", "render_page", "serve_asset"]
