"""The login page: a person shows a key once, and the browser holds a session from then on."""

import base64
import hashlib
import math
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, StrictUndefined
from starlette.types import Scope as Connection

from workbench.access import SESSION, Keys, Limits, network_of

_LONGEST_FORM = 8 * 1024  # bytes; a key has 59 and an address some hundreds
_PAGE = Environment(autoescape=True, undefined=StrictUndefined).from_string(
    Path(__file__).with_name("login.html").read_text(encoding="utf-8")
)
_STYLE = """
:root { --paper: #faf9f6; --card: #fff; --ink: #191b1e; --soft: #5a5f67; --line: #7d828a; --accent: #a02c1c;
  --on-accent: #fff; --wash: #f6e7e3; }
@media (prefers-color-scheme: dark) { :root { --paper: #131518; --card: #1b1e22; --ink: #ebe8e2;
  --soft: #a4a9b1; --line: #7d828a; --accent: #ff9e88; --on-accent: #26100b; --wash: #3a231e; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.25rem;
  background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; overflow-wrap: anywhere; }
h1 { margin: 0 0 1.5rem; font: 700 1.85rem/1.15 Georgia, serif; }
label { font-weight: 600; }
p { margin: 0 0 .75rem; }
.hint { color: var(--soft); font-size: .9375rem; }
.error { padding: .6rem .8rem; border-left: 4px solid var(--accent); background: var(--wash); }
input, button { display: block; width: 100%; min-height: 3rem; padding: .6rem .8rem; border-radius: .4rem;
  font: inherit; }
input { border: 1px solid var(--line); background: var(--card); color: inherit; }
input[aria-invalid] { border: 2px solid var(--accent); }
[hidden], [type="hidden"] { display: none; }
button { margin-top: 1rem; border: 0; background: var(--accent); color: var(--on-accent); font-weight: 600;
  cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_SAME_SITE = re.compile(r"/(?!/)[!-\[\]-~]*")  # printable, and no backslash: browsers read it as a slash


def router(keys: Keys, failures: Limits, *, public_url: str | None = None) -> APIRouter:
    """GET and POST /login, POST /logout.

    `failures`: wrong keys an address may show a minute, the same object that `Guard` has. With an https
    `public_url` the cookie is only ever sent over https.
    """
    https = (public_url or "").lower().startswith("https:")
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def login_page(request: Request, next: str = "") -> Response:
        if "caller" in request.scope.get("state", {}):
            return _to(request, next)
        return _page(request, next)

    @routes.post("/login")
    async def login(request: Request) -> Response:  # async, since it reads the form itself
        form = await _form(request)
        if form is None:
            return _page(request, "", 413, "That is too long to be a key.")
        caller = keys.who(form.get("key", "").strip())
        if caller is None:
            return _wrong(request, form.get("next", ""), failures)
        answer = _to(request, form.get("next", ""))
        cookie = session_cookie(keys, keys.session(caller), request.scope, https=https)
        answer.headers.append("set-cookie", cookie)
        return answer

    @routes.post("/logout")
    def logout(request: Request) -> Response:
        for text in sessions_in(keys, request.headers.get("cookie", "")):
            keys.end(text)
        answer = RedirectResponse(f"{_root(request)}/login", 303)
        answer.headers.append("set-cookie", session_cookie(keys, "", request.scope, https=https))
        return answer

    return routes


def same_site(target: str) -> bool:
    """Whether a redirect to `target` stays with us, whatever a browser makes of odd spellings."""
    return _SAME_SITE.fullmatch(target) is not None


def session_cookie(keys: Keys, text: str, connection: Connection, *, https: bool) -> str:
    """The Set-Cookie header that gives a browser its session, or takes it away when `text` is empty."""
    secure = "; Secure" if https or connection.get("scheme") in ("https", "wss") else ""
    path = connection.get("root_path") or "/"
    age = int(SESSION) if text else 0
    return f"{keys.cookie_name}={text}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"


def sessions_in(keys: Keys, cookies: str) -> list[str]:
    """The texts of our cookie in a Cookie header; another site of the same domain can add more."""
    pairs = (part.strip().partition("=") for part in cookies.split(";"))
    return [value for name, _, value in pairs if name == keys.cookie_name]


def origin_of(address: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an http(s) address."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        return None
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _wrong(request: Request, target: str, failures: Limits) -> Response:
    address = request.client.host if request.client else "unknown"
    if wait := failures.take(network_of(address), time.monotonic()):
        seconds = math.ceil(wait)
        page = _page(request, target, 429, f"Too many wrong keys. Try again in {seconds} seconds.")
        page.headers["retry-after"] = str(seconds)
        return page
    page = _page(request, target, 401, "That is not a key of this workbench, or it was revoked.")
    page.headers["www-authenticate"] = 'Bearer realm="workbench"'
    return page


def _page(request: Request, target: str, status: int = 200, error: str = "") -> Response:
    html = _PAGE.render(style=_STYLE, action=f"{_root(request)}/login", next=target, error=error)
    return HTMLResponse(html, status, _HEADERS)


def _to(request: Request, target: str) -> Response:
    """On to where the person wanted to go, or to the first page when that is no place of ours."""
    home = f"{_root(request)}/"
    return RedirectResponse(target if same_site(target) else home, 303, {"cache-control": "no-store"})


def _root(request: Request) -> str:
    return str(request.scope.get("root_path", ""))


async def _form(request: Request) -> dict[str, str] | None:
    """The form's fields, each once; None when it is too long to be ours."""
    read = b""
    async for part in request.stream():
        read += part
        if len(read) > _LONGEST_FORM:
            return None
    fields = parse_qs(read.decode("utf-8", errors="replace"), max_num_fields=None)
    return {name: values[0] for name, values in fields.items()}
