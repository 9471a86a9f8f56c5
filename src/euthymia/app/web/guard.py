"""What stands before every page: headers, the cookie, and where a form may come from."""

import hmac
from typing import Final, Literal
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from euthymia.ground.errors import AccessError

SESSION_SECONDS: Final = 8 * 3600  # the cookie; the session in it ends after a quarter hour
RENEWED: Final = "euthymia.session"  # where a request carries its session's next token
FORM_LIMIT: Final = 8 * 1024  # a sign-in code has about 400 characters
LONG_FORM: Final = 64 * 1024  # a note of 4000 signs, each of up to 12 bytes in a form
_SOURCES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "object-src 'none'",
)
CSP: Final = "; ".join(_SOURCES)
HEADERS: Final = (
    ("content-security-policy", CSP),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    ),
)
PAGES_TLS_ONLY: Final = ("strict-transport-security", "max-age=31536000; includeSubDomains")


class SafeHeaders:
    """Put the security headers on every answer; pages are never kept by browser or proxy."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the call on, and add headers to what comes back."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS:
                    headers.setdefault(name, value)  # the crisis page has a policy of its own
                if scope.get("scheme") == "https":
                    headers[PAGES_TLS_ONLY[0]] = PAGES_TLS_ONLY[1]
                headers.setdefault("cache-control", "no-store")
                if RENEWED in scope and "set-cookie" not in headers:
                    headers.append("set-cookie", _cookie_text(scope[RENEWED], scope))
            await send(message)

        await self.app(scope, receive, send_with_headers)


def _cookie_text(token: str, scope: Scope) -> str:
    response = Response()
    set_session(Request(scope), response, token)
    return response.headers["set-cookie"]


def bound(request: Request, name: str) -> str:
    """Return a cookie's name; over TLS its prefix binds it to this host and to TLS."""
    return f"__Host-{name}" if request.url.scheme == "https" else name


def put_cookie(
    request: Request,
    response: Response,
    name: str,
    value: str,
    seconds: int,
    samesite: Literal["strict", "lax"] = "strict",
) -> None:
    """Put a cookie into the browser: unreadable to scripts, and over TLS bound to host and TLS."""
    response.set_cookie(
        bound(request, name),
        value,
        max_age=seconds,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite=samesite,
    )


def cookie_name(request: Request) -> str:
    """Return the session cookie's name."""
    return bound(request, "euthymia")


def set_session(request: Request, response: Response, token: str) -> None:
    """Put the session into the browser: it is never sent from another site."""
    put_cookie(request, response, "euthymia", token, SESSION_SECONDS)


def drop_cookie(
    request: Request, response: Response, name: str, samesite: Literal["strict", "lax"] = "strict"
) -> None:
    """Take a cookie out of the browser, which minds a bound name only with `Secure`."""
    response.delete_cookie(
        bound(request, name),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite=samesite,
    )


def clear_session(request: Request, response: Response) -> None:
    """Take the session out of the browser."""
    drop_cookie(request, response, "euthymia")


def require_same_origin(request: Request) -> None:
    """Refuse a form that another site sent.

    `Sec-Fetch-Site` is the browser's own word and cannot be set by a page. Where it is absent
    (plain HTTP to a name that is not loopback), `Origin` must name this very host.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site != "same-origin":
            raise AccessError("the form was sent from another site")
        return
    origin = urlsplit(request.headers.get("origin", ""))
    if (origin.scheme, origin.netloc) != (request.url.scheme, request.headers.get("host", "")):
        raise AccessError("the form does not say that it was sent from this site")


async def read_form(request: Request, *, most: int = FORM_LIMIT, fields: int = 8) -> dict[str, str]:
    """Read a small urlencoded form; AccessError when it is anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind != "application/x-www-form-urlencoded":
        raise AccessError("a form is sent as application/x-www-form-urlencoded")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise AccessError("the form is larger than any of ours")
    try:
        return dict(parse_qsl(body.decode("utf-8"), max_num_fields=fields, keep_blank_values=True))
    except ValueError:
        raise AccessError("the form cannot be read") from None


def code_of(form: dict[str, str]) -> str:
    """Return the code of a link that works once, of which either may have been pasted."""
    return form.get("code", "").rpartition("code=")[2].strip()


def require_csrf(form: dict[str, str], expected: str) -> None:
    """Refuse a form without this session's own token."""
    if not hmac.compare_digest(form.get("csrf", "").encode(), expected.encode()):
        raise AccessError("the form's token is not this session's")
