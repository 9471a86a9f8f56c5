"""Signing in with an account, enrolling, one's own account: the pages beside the one-time link."""

from typing import TYPE_CHECKING, Final

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from euthymia.app.accounts.accounts import DIFFER, Offer
from euthymia.app.accounts.passkeys import Passkeys, origin_of
from euthymia.app.web.contract import Visitor
from euthymia.app.web.guard import (
    LONG_FORM,
    clear_session,
    code_of,
    read_form,
    require_csrf,
    require_same_origin,
    set_session,
)
from euthymia.app.web.sso import Sso
from euthymia.ground.errors import AccessError
from euthymia.security.totp import base32, enrolment_uri

if TYPE_CHECKING:
    from euthymia.app.web.pages import Site

PASSWORD: Final = ("pwd", "otp")
PASSKEY: Final = ("hwk", "mfa")


class Door:
    """The handlers of accounts. Shares the site's pages and backend."""

    def __init__(self, site: "Site") -> None:
        self.site = site
        self.accounts = site.backend.accounts
        self.sessions = site.backend.sessions

    def routes(self) -> list[Route]:
        """Return the addresses."""
        return [
            Route("/signin/password", self.password, methods=["POST"]),
            *Sso(self).routes(),
            Route("/signin/passkey", self.sign_in_passkey, methods=["POST"]),
            Route("/enrol/passkey", self.enrol_passkey, methods=["POST"]),
            Route("/account/passkey", self.add_passkey, methods=["POST"]),
            Route("/enrol", self.enrol, methods=["GET", "POST"]),
            Route("/account", self.account, methods=["GET"]),
            Route("/account/password", self.change_password, methods=["POST"]),
            Route("/account/everywhere", self.everywhere, methods=["POST"]),
        ]

    async def begin(
        self, request: Request, user: str, role: str, proofs: tuple[str, ...], began: int
    ) -> Response:
        """Open a new session; one that this browser held before is ended."""
        before = await self.site.visitor(request)
        if before is not None:
            await run_in_threadpool(self.sessions.end, before)
        token, _ = await run_in_threadpool(self.sessions.open, user, role, proofs, began)
        response = RedirectResponse("/", 303)
        set_session(request, response, token)
        return response

    async def password(self, request: Request) -> Response:
        """Sign in with name, password and code."""
        require_same_origin(request)
        form = await read_form(request)
        began = self.accounts.second
        try:
            user, role = await run_in_threadpool(
                self.accounts.sign_in,
                form.get("user", "").strip(),
                form.get("password", ""),
                form.get("otp", ""),
                _address(request),
            )
        except AccessError as error:
            return self.site.sign_in_page(request, 403, refused=str(error))
        return await self.begin(request, user, role, PASSWORD, began)

    def passkeys(self, request: Request) -> Passkeys | None:
        """Return what checks passkeys at this address; None where there can be none."""
        backend = self.site.backend
        origin = origin_of(backend.public_url, request.headers.get("host", ""))
        if origin is None:
            return None
        tokens, once = self.sessions.tokens, self.sessions.once
        return Passkeys(self.accounts, tokens, once, origin, backend.clinic_name)

    def _passkeys(self, request: Request) -> Passkeys:
        found = self.passkeys(request)
        if found is None:
            raise AccessError("passkeys need `serve.public_url`")
        return found

    async def sign_in_passkey(self, request: Request) -> Response:
        """Sign in with a passkey."""
        require_same_origin(request)
        form = await read_form(request)
        keys, began = self._passkeys(request), self.accounts.second
        try:
            user, role = await run_in_threadpool(
                keys.sign_in, form.get("ticket", ""), form.get("answer", ""), _address(request)
            )
        except AccessError as error:
            return self.site.sign_in_page(request, 403, refused=str(error))
        return await self.begin(request, user, role, PASSKEY, began)

    async def enrol_passkey(self, request: Request) -> Response:
        """Take a passkey for an enrolment link."""
        require_same_origin(request)
        form = await read_form(request)
        keys = self._passkeys(request)
        try:
            offer = await self._offer(form.get("code", ""))
        except AccessError as error:
            return self.site.page("enrol.html", 403, offer=None, refused=str(error), passkey=None)
        typed = form.get("ticket", ""), form.get("answer", "")
        try:
            await run_in_threadpool(keys.enrol, offer, *typed)
        except AccessError as error:
            return self._offered(request, offer, str(error), 422)
        return RedirectResponse("/signin?enrolled=1", 303)

    async def add_passkey(self, request: Request) -> Response:
        """Add a passkey to the visitor's account; it takes a session with a second factor."""
        require_same_origin(request)
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        form = await read_form(request)
        require_csrf(form, visitor.csrf)
        if not visitor.second_factor:
            raise AccessError("this takes a session with a second factor")
        typed = form.get("ticket", ""), form.get("answer", "")
        await run_in_threadpool(self._passkeys(request).add, visitor.actor, *typed)
        return RedirectResponse("/account", 303)

    async def enrol(self, request: Request) -> Response:
        """Ask for an enrolment link's code, show what it offers, or take what was chosen."""
        if request.method == "GET":
            return self.site.page("enrol.html", offer=None, refused="", passkey=None)
        require_same_origin(request)
        form = await read_form(request)
        try:
            offer = await self._offer(code_of(form))
        except AccessError as error:
            return self.site.page("enrol.html", 403, offer=None, refused=str(error), passkey=None)
        if "password" not in form:
            return self._offered(request, offer, "")
        typed = [form.get(name, "") for name in ("password", "again", "otp")]
        try:
            await run_in_threadpool(self.accounts.enrol_password, offer, *typed)
        except AccessError as error:
            return self._offered(request, offer, str(error), 422)
        return RedirectResponse("/signin?enrolled=1", 303)

    async def _offer(self, code: str) -> Offer:
        return await run_in_threadpool(self.accounts.offer, code, self.sessions.tokens)

    def _offered(self, request: Request, offer: Offer, refused: str, status: int = 200) -> Response:
        keys = self.passkeys(request)
        uri = enrolment_uri(offer.totp, offer.user, self.site.backend.clinic_name)
        return self.site.page(
            "enrol.html",
            status,
            offer=offer,
            refused=refused,
            qr=_qr(uri),
            secret=base32(offer.totp),
            passkey=keys and keys.registration(offer.user, offer.handle, []),
        )

    async def account(self, request: Request) -> Response:
        """Show one's own account."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        return await self._account(request, visitor)

    async def _account(
        self, request: Request, visitor: Visitor, status: int = 200, refused: str = ""
    ) -> Response:
        book = await run_in_threadpool(self.accounts.file.now)
        account, keys = book.accounts.get(visitor.user), self.passkeys(request)
        passkey = None
        if account is not None and keys is not None and visitor.second_factor:
            passkey = keys.registration(visitor.user, account.handle, account.passkeys)
        return self.site.page(
            "account.html",
            status,
            visitor=visitor,
            account=account,
            passkey=passkey,
            refused=refused,
            changed=request.query_params.get("changed") == "1",
        )

    async def change_password(self, request: Request) -> Response:
        """Change the visitor's password; every session and token of theirs but this one ends."""
        require_same_origin(request)
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        form = await read_form(request, most=LONG_FORM)
        require_csrf(form, visitor.csrf)
        try:
            if form.get("wanted", "") != form.get("again", ""):
                raise AccessError(DIFFER)  # noqa: TRY301 - told like what the accounts refuse
            self.accounts.count_try(_address(request))
            typed = [form.get(name, "") for name in ("present", "otp", "wanted")]
            ended = await run_in_threadpool(self.accounts.change_password, visitor.actor, *typed)
        except AccessError as error:
            return await self._account(request, visitor, 422, str(error))
        token, _ = await run_in_threadpool(
            self.sessions.open, visitor.user, visitor.role, PASSWORD, ended + 1
        )
        response = RedirectResponse("/account?changed=1", 303)
        set_session(request, response, token)
        return response

    async def everywhere(self, request: Request) -> Response:
        """End every session and token of the visitor, on every device."""
        require_same_origin(request)
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        require_csrf(await read_form(request), visitor.csrf)
        await run_in_threadpool(self.accounts.end_everywhere, visitor.user, visitor.actor)
        response = RedirectResponse("/signin?out=1", 303)
        clear_session(request, response)
        return response


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _qr(text: str) -> Markup:
    """Return a QR code as an inline drawing: dark on white in any colour scheme."""
    import segno

    drawn = segno.make(text, error="m").svg_inline(scale=4, light="#fff", dark="#000")
    return Markup(drawn)  # noqa: S704 - segno draws modules; the text itself is not in it
