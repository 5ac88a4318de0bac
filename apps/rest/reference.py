"""GET /docs: the interface described for people, drawn by Swagger UI with nothing from the network."""

from collections.abc import Callable
from importlib import resources

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Episode workbench: REST</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</html>
"""
_START = """
const dark = matchMedia("(prefers-color-scheme: dark)")
const draw = () => document.documentElement.classList.toggle("dark-mode", dark.matches)
dark.addEventListener("change", draw)
draw()
const calls = {filter: true, deepLinking: true, validatorUrl: null}
SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", ...calls})
"""
_ONLY_OURS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
"""Requests are tried out in the session of whoever looks: no script but these may run there."""
_KINDS = {"css": "text/css", "js": "text/javascript"}

routes = APIRouter(include_in_schema=False)


@routes.get("/docs")
def page() -> HTMLResponse:
    """The page; all addresses in it are relative, for servers behind a proxy's path."""
    return HTMLResponse(_PAGE, headers=_ONLY_OURS)


def _script(name: str) -> Callable[[], Response]:
    """The answer with a file of Swagger UI, or with what starts it."""

    def answer() -> Response:
        packed = resources.files("fastapi_swagger") / "resources" / name
        content = _START.encode() if name == "start.js" else packed.read_bytes()
        kept = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(content, headers=kept, media_type=_KINDS[name.rpartition(".")[2]])

    return answer


for _name in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
    routes.add_api_route(f"/docs/{_name}", _script(_name))
