"""The page that browsers get at the GraphQL URL: an empty shell, its script, and ready operations.

Nothing in it is executed but files of this host: the operations are a block of data. Addresses are
relative, so that the page works below any prefix that a proxy takes away.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape

from strawberry import Schema
from strawberry.schema.base import BaseSchema

from rxgraph.serve.explorer.assets import PREFIX, assets, version
from rxgraph.serve.explorer.operations import ready_channels
from rxgraph.serve.messages import encode_text

#: Styles are the one thing the editor makes as it goes; scripts come from this host alone.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "font-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


def page_headers() -> dict[str, str]:
    """Return the headers of the page."""
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _POLICY,
        "Cache-Control": "no-cache",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def render_page(schema: BaseSchema, path: str) -> bytes:
    """Return the page for *schema*, which is served at *path*."""
    if "explorer.js" not in assets():
        return _WITHOUT.format(path=escape(path)).encode()
    last = path.rsplit("/", 1)[-1]
    base = f"{last and last + '/'}{PREFIX}/{version()}"
    assert isinstance(schema, Schema)
    return _PAGE.format(base=escape(base), data=_data(schema)).encode()


@lru_cache(maxsize=4)
def _data(schema: Schema) -> str:
    text = encode_text({"channels": ready_channels(schema._schema)})
    return text.replace("<", "\\u003c")  # nothing in it may end the block


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>GraphiQL · RxGraph</title>
<link rel="icon" href="{base}/icon.svg">
<link rel="stylesheet" href="{base}/style.css">
<script type="module" src="{base}/explorer.js"></script>
</head>
<body>
<div id="root"><noscript>GraphiQL needs JavaScript.</noscript></div>
<script type="application/json" id="rxgraph">{data}</script>
</body>
</html>
"""

_WITHOUT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>RxGraph</title>
<h1>GraphQL is served here</h1>
<p>This copy of RxGraph was built without GraphiQL. Send queries as <code>POST {path}</code>, and
subscribe over a WebSocket with the subprotocol <code>graphql-transport-ws</code>.</p>
"""
