"""The checks that a machine can make of a clinic. Each returns what is wrong, in words."""

import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from euthymia.app import copies
from euthymia.app.backup import CONTENT
from euthymia.app.clinic import Clinic
from euthymia.app.evidence import self_tests
from euthymia.app.evidence.packages import Package
from euthymia.app.http.tls import on_this_machine, tls_context
from euthymia.app.outbound import OutboundError, guarded
from euthymia.app.restore import read_manifest, require_signed
from euthymia.app.vaults import OPENBAO
from euthymia.app.verify import verify_home
from euthymia.ground.errors import EuthymiaError
from euthymia.models.export import check_bytes
from euthymia.security.hsm import PKCS11
from euthymia.security.keys import Keyring
from euthymia.security.policy import Policies
from euthymia.security.policy_matrix import broken_rails

BACKUP_AGE: Final = timedelta(days=7)
UNSEEN_FOR: Final = timedelta(days=2)
_IDLE_MINUTES: Final = 15
_SESSION_HOURS: Final = 12
_VAULTS: Final = frozenset({PKCS11, OPENBAO})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found: `problem` "" is fine; `scope` says what was and was not looked at."""

    check: str
    scope: str
    problem: str

    @property
    def fine(self) -> bool:
        """Tell whether nothing was found."""
        return not self.problem


@dataclass(frozen=True, slots=True)
class Place:
    """What the checks look at."""

    clinic: Clinic
    packages: tuple[Package, ...]
    now: datetime


def _verify(at: Place) -> str:
    found = verify_home(at.clinic.home.path, lambda _done, _all: None)
    return f"`euthymia verify` finds {len(found)} problems" if found else ""


def _file_modes(at: Place) -> str:
    home, settings = at.clinic.home, at.clinic.config
    named = (settings.keys.master, settings.keys.secret_file, settings.serve.key)
    keys = [home.keys, *home.keys.rglob("*"), *home.ledger.glob("ledger.[kf]*")]
    keys += [Path(path) for path in named if path]  # wherever they are kept
    beside = home.database.parent.glob(f"{home.database.name}*")
    open_to = [p for p in keys if p.exists() and p.stat().st_mode & 0o077]
    open_to += [p for p in (*beside, home.accounts) if p.exists() and p.stat().st_mode & 0o007]
    return f"{len(open_to)} files or folders are open to other users: chmod" if open_to else ""


def _tls(at: Place) -> str:
    serve = at.clinic.config.serve
    try:
        context = tls_context(serve, serve.host)
    except EuthymiaError as error:
        return str(error)
    if context is not None or serve.behind_proxy or on_this_machine(serve.host):
        return ""
    return "others are spoken to in plain HTTP"


def _tls_here(at: Place) -> str:
    serve = at.clinic.config.serve
    context = tls_context(serve, serve.host)
    if context is None:
        ended = "a proxy ends TLS, which cannot be seen from here"
        return ended if serve.behind_proxy else "no TLS is spoken: only this machine is served"
    old = context.minimum_version < ssl.TLSVersion.TLSv1_2
    weak = [c["name"] for c in context.get_ciphers() if not _forward_secret(c["name"])]
    return "versions or ciphers of old are spoken" if old or weak else ""


def _forward_secret(name: str) -> bool:
    sealed = "GCM" in name or "CHACHA20" in name
    return sealed and name.startswith(("TLS_", "ECDHE-"))


def _key_vault(at: Place) -> str:
    kind = at.clinic.keyring.root_kind
    return (
        "" if kind in _VAULTS else f"the root key rests in no vault but in a {kind}: docs/keys.md"
    )


def _key_root(at: Place) -> str:
    clinic = at.clinic
    if clinic.keyring.root_kind != "key-file":
        return ""
    master = clinic.config.keys.master
    if master and clinic.home.path.resolve() not in Path(master).resolve().parents:
        return ""
    return "the root key lies in the home: `euthymia keys`, docs/keys.md"


def _witness(at: Place) -> str:
    return "" if at.clinic.config.ledger.witnesses else "no witness must cosign the ledger"


def _second_factor(at: Place) -> str:
    if at.clinic.config.oidc.issuer is not None:
        return "the provider of the sign-in decides, which cannot be seen from here"
    book = at.clinic.accounts.file.now()
    users = [account for account in book.accounts.values() if not account.disabled]
    if not users:
        return "there are no accounts: users sign in by one-time links alone"
    without = sum(not account.enrolled for account in users)
    return f"{without} of {len(users)} accounts have no second factor yet" if without else ""


def _sender_constrained(at: Place) -> str:
    return "" if at.clinic.config.api.sender_constrained else "bearer tokens are taken"


def _sessions(at: Place) -> str:
    told = at.clinic.config.accounts
    if told.idle_minutes <= _IDLE_MINUTES and told.session_hours <= _SESSION_HOURS:
        return ""
    return f"sessions last longer than {_IDLE_MINUTES} minutes idle, {_SESSION_HOURS} hours in all"


def _policies(at: Place) -> str:
    own = at.clinic.home.policies.read(at.clinic.keyring)
    broken = broken_rails(Policies(own) if own else Policies())
    return f"guard rails are broken: {', '.join(broken)}" if broken else ""


def _limits(at: Place) -> str:
    serve = at.clinic.config.serve
    if serve.rate_per_address and serve.rate_per_token:
        return ""
    return "calls of an address or a token are not limited"


def _outbound(_: Place) -> str:
    if not guarded():
        return "this process is not guarded: run `euthymia evidence` from the command line"
    try:
        sys.audit("socket.gethostbyname", "evidence.invalid")
    except OutboundError:
        return ""
    return "a look-up of a foreign name was let out"


def _whole(place: Path, keyring: Keyring) -> datetime | None:
    """Return when a backup was made, if it is signed and no file of it is missing or cut."""
    try:
        manifest, signed = read_manifest(place)
        require_signed(keyring, signed)
        sizes = {name: (place / CONTENT / name).stat().st_size for name in manifest.files}
    except (EuthymiaError, OSError):
        return None
    whole = all(sizes[name] == file.size for name, file in manifest.files.items())
    return datetime.fromisoformat(manifest.made_at) if whole else None


def _backup(at: Place) -> str:
    newest: datetime | None = None
    for place in copies.places(at.clinic.home, at.clinic.keyring):
        made = _whole(Path(place), at.clinic.keyring)
        if made is not None and made <= at.now:
            newest = made if newest is None or made > newest else newest
    if newest is None:
        return "no whole backup is where it was written: `euthymia backup`"
    old = at.now - newest > BACKUP_AGE
    return f"the newest backup is older than {BACKUP_AGE.days} days" if old else ""


def _emergencies(at: Place) -> str:
    book = at.clinic.accounts.file.now()
    before = (at.now - UNSEEN_FOR).timestamp()
    old = sum(not e.seen_by and e.began < before for e in book.emergencies)
    return f"{old} emergencies were not looked at for {UNSEEN_FOR.days} days" if old else ""


def _models(at: Place) -> str:
    registry = at.clinic.registry
    found = list(registry.verify())
    for model in registry.list():
        if model.state != "released":
            continue
        try:
            bundle, _ = registry.load(f"{model.name}@{model.version}")
            check_bytes(bundle.onnx)
        except EuthymiaError as error:
            found.append(str(error))
    return f"{len(found)} problems of models" if found else ""


def _packages(at: Place) -> str:
    if not at.packages:
        return "which packages the product needs cannot be told: it is not installed as one"
    changed = [p.name for p in at.packages if p.changed]
    unread = [p.name for p in at.packages if p.unread and p.name != "euthymia"]
    strict = [p.name for p in at.packages if not p.permissive]
    told = (
        ("files are not as installed", changed),
        ("no record of files", unread),
        ("licence to be looked at", strict),
    )
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in told if names)


def _self_test(test: Callable[[], str], _: Place) -> str:
    return test()


Check = tuple[str, Callable[[Place], str]]
CHECKS: Final[Mapping[str, Check]] = {
    "verify": ("every stored byte: keys, settings, ledger, store, models, reports", _verify),
    "file-modes": (
        "nobody but the owner reads keys, wherever they are; not everybody database or accounts",
        _file_modes,
    ),
    "tls": ("settings: TLS, a proxy that ends it, or this machine only", _tls),
    "tls-here": ("this server ends TLS itself: 1.2 or later, forward secrecy alone", _tls_here),
    "key-vault": ("the root key rests in a PKCS#11 token or in OpenBao", _key_vault),
    "key-root": ("the root key does not lie beside the data", _key_root),
    "witness": ("settings: witnesses of the ledger", _witness),
    "second-factor": ("each account that is not disabled has a second factor", _second_factor),
    "sender-constrained": ("settings: tokens are bound to keys", _sender_constrained),
    "sessions": ("settings: 15 minutes idle, 12 hours in all, at most", _sessions),
    "policies": ("guard rails of the policies, over every situation", _policies),
    "limits": ("settings: rates of address and token", _limits),
    "outbound": ("Python code of this process connects to configured hosts only", _outbound),
    "backup": (
        "a signed backup not older than a week is where it was written, each file of its size",
        _backup,
    ),
    "emergencies": ("a supervisor saw each emergency within two days", _emergencies),
    "models": ("signatures of all models; graphs of those released", _models),
    "packages": ("files of all installed packages against their records; licences", _packages),
    "self-envelope": (
        "every bit flip and cut of a sealed block, on a scratch key",
        partial(_self_test, self_tests.envelope),
    ),
    "self-tokens": ("wrong tokens, on scratch keys", partial(_self_test, self_tests.tokens)),
    "self-passwords": (
        "the 3000 commonest passwords that are long enough, in small and capital letters",
        partial(_self_test, self_tests.passwords),
    ),
    "self-logs": ("the log's allow-list; one line a record", partial(_self_test, self_tests.logs)),
    "self-headers": ("headers of API and pages", partial(_self_test, self_tests.headers)),
    "self-hsts": ("Strict-Transport-Security, as sent", partial(_self_test, self_tests.hsts)),
    "self-cookies": ("cookies, as set over TLS", partial(_self_test, self_tests.cookies)),
}


def run(at: Place, progress: Callable[[int, int], None]) -> dict[str, Outcome]:
    """Run all checks. One that cannot be run is a problem, never fine."""
    found = {}
    for number, (name, (scope, check)) in enumerate(CHECKS.items()):
        progress(number, len(CHECKS))
        try:
            problem = check(at)
        except EuthymiaError as error:
            problem = f"could not be checked: {error}"
        except OSError as error:
            problem = f"could not be checked: {type(error).__name__}"
        found[name] = Outcome(name, scope, problem)
    progress(len(CHECKS), len(CHECKS))
    return found
