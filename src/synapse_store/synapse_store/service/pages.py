"""What a browser is shown, and how it is let in."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from synapse_store.service.answers import answer
from synapse_store.service.asking import Call
from synapse_store.service.guard import COOKIE
from synapse_store.service.tickets import LIFE, SESSION

DASHBOARD = Path(__file__).parent.parent / "dashboard"
_POLICY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}
_PLAIN = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Synapse</title>
<h1>Synapse pipeline service</h1>
<p>The API is at <a href="/api/v1/runs">/api/v1</a>; <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>
describes it.</p>
</html>
"""


async def front(_call: Call) -> web.StreamResponse:
    """The dashboard, or a page that names the API."""
    page = DASHBOARD / "index.html"
    if page.is_file():
        return web.FileResponse(page, headers={**_POLICY, "Cache-Control": "no-cache"})
    return web.Response(text=_PLAIN, content_type="text/html", headers=_POLICY)


async def static(call: Call) -> web.StreamResponse:
    """A file of the dashboard."""
    try:
        file = (DASHBOARD / call.request.match_info["file"]).resolve()
        found = file.is_relative_to(DASHBOARD.resolve()) and file.is_file()
    except (OSError, ValueError):  # a name that no file can have
        found = False
    if not found:
        raise web.HTTPNotFound
    return web.FileResponse(file, headers={**_POLICY, "Cache-Control": "no-cache"})


async def ticket(call: Call) -> web.Response:
    """A ticket that opens one stream."""
    return answer({"ticket": call.service.tickets.issue(), "expires_in": LIFE}, 201)


async def session(call: Call) -> web.Response:
    """Let a browser in by a cookie; the token itself is not in it."""
    response = web.Response(status=204)
    secure = call.request.secure
    response.set_cookie(
        COOKIE, call.service.tickets.open_session(), max_age=SESSION, httponly=True, samesite="Strict", secure=secure
    )
    return response
