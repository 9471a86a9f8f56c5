"""Who calls the API: a token, and where it is bound to a key the proof that the caller holds it."""

from typing import Final

from euthymia.app.http.exchange import Call
from euthymia.app.http.services import Services
from euthymia.app.problems import RefusalError
from euthymia.ground.errors import AccessError
from euthymia.security.dpop import check
from euthymia.security.token import Claims

BOUND: Final = (
    "this token is bound to a key: send it as `Authorization: DPoP`, with a `DPoP` header signed "
    "by that key for each call (RFC 9449)"
)
UNBOUND: Final = (
    "this clinic takes only tokens that are bound to a key: have one issued with `euthymia token "
    "--bind`"
)


def authenticate(call: Call, services: Services) -> Claims:
    """Return who holds the token of a call.

    Raises
    ------
    RefusalError
        "token": there is none, it does not hold, its proof does not, or it was used up.
    """
    scheme, token = call.authorization()
    claims = services.analyzer.authenticate(token)
    if claims.key or scheme == "dpop":
        assert token is not None
        _require_proof(call, services, claims, scheme, token)
    elif services.clinic.config.api.sender_constrained:
        raise RefusalError("token", UNBOUND)
    if claims.once and not services.used.redeem(claims.token_id, claims.expires_at):
        raise RefusalError("token", "this token holds one call, and it was used: ask for another")
    return claims


def _require_proof(call: Call, services: Services, claims: Claims, scheme: str, token: str) -> None:
    if not claims.key:
        raise RefusalError("token", "this token is bound to no key: send it as a bearer token")
    proofs = [value for name, value in call.scope["headers"] if name == b"dpop"]
    if scheme != "dpop" or len(proofs) != 1:
        raise RefusalError("token", BOUND)
    now = services.clinic.clock()
    try:
        proof = check(
            proofs[0].decode("ascii", "replace"),
            method=call.scope["method"],
            url=call.url(services.clinic.config.serve.public_url),
            token=token,
            key=claims.key,
            second=int(now.timestamp()),
        )
    except AccessError as error:
        raise RefusalError("token", str(error)) from error
    if not services.proofs.mark(proof.used, proof.expires_at, now):
        raise RefusalError("token", "this proof was used before: sign one for each call")
