"""The clinic's settings: one frozen tree from one TOML file. An unknown key is an error."""

import re
from dataclasses import dataclass, field, fields
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from euthymia.ground.errors import SchemaError
from euthymia.ground.schemas import STREAMS
from euthymia.security.notes import WITNESS_KEY, read_key
from euthymia.security.policy import ROLES

ENGINES: Final = ("sqlite", "postgresql")
_SCHEMA_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class ClinicConfig:
    """The clinic itself.

    `clinical_basis`: clinical records may be used for care without a consent on record (most
    clinics' legal basis). `everyone_on_care_team`: users in a care relationship with every
    patient; empty except in the demo clinic. `crisis`: "number: what it is", whom a patient
    can call in a crisis, in order. `evidence`: the folder of published evidence from which
    treatments are ranked; None: `evidence` in the home.
    """

    name: str = "Clinic"
    clinical_basis: bool = True
    everyone_on_care_team: tuple[str, ...] = ()
    time_zone: str = "UTC"
    simulated: bool = False
    crisis: tuple[str, ...] = ()
    evidence: str | None = None

    def crisis_lines(self) -> tuple[tuple[str, str], ...]:
        """Return (number, what it is) in order."""
        parts = (line.partition(":") for line in self.crisis)
        return tuple((number.strip(), told.strip()) for number, _, told in parts)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """What comes in. `feature_only`: streams whose samples give features and are never kept."""

    feature_only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServeConfig:
    """Where the API and the pages are served. Loopback unless the clinic says otherwise.

    `workers`: how many processes answer; 0: one a core. `public_url`: the address that browsers
    use, such as "https://clinic.example", where a proxy stands in front. `certificate`, `key`:
    paths of PEM files; with them only TLS is spoken. `behind_proxy`: one of `proxies` ends TLS, is
    the only one whose connections are taken, and says in `X-Forwarded-For` who calls.
    `connections`: open at a time, of all callers and of one address. `rate_per_address`,
    `rate_per_token`: calls a second, of callers that are not on this machine; 0: any number.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 0
    public_url: str | None = None
    certificate: str | None = None
    key: str | None = None
    behind_proxy: bool = False
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    connections: int = 1024
    connections_per_address: int = 256
    rate_per_address: int = 200
    rate_per_token: int = 100


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """Callers of the API. `sender_constrained`: tokens must be bound to a key (DPoP, RFC 9449)."""

    sender_constrained: bool = False


@dataclass(frozen=True, slots=True)
class AccountsConfig:
    """Sessions of the pages: how long without a click, how long in all; and an emergency's time.

    `words`: what passwords may not be made of, beside names of clinic, product and roles.
    """

    idle_minutes: int = 15
    session_hours: int = 8
    emergency_minutes: int = 60
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OidcConfig:
    """The hospital's own sign-in (OpenID Connect). `issuer` None: there is none.

    `roles`: "value=role", a value of the claim `role_claim` and the role it gives; the first that
    fits counts. `user_claim`: the claim that is the user's name here, as care teams know it.
    """

    issuer: str | None = None
    client_id: str = ""
    client_secret_file: str | None = None
    scopes: tuple[str, ...] = ("profile",)
    user_claim: str = "sub"
    role_claim: str = "roles"
    roles: tuple[str, ...] = ()

    def role_of(self) -> tuple[tuple[str, str], ...]:
        """Return (value of the claim, role) in order."""
        return tuple((value, role) for value, _, role in (r.rpartition("=") for r in self.roles))


@dataclass(frozen=True, slots=True)
class KeyConfig:
    """Where the root key is found.

    `master`: the path of the master key file, to keep it off the disk that holds the data.
    `secret_file`: the path of a file that holds the passphrase, PIN or token of a root that asks
    for one.
    """

    master: str | None = None
    secret_file: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerConfig:
    """Who else vouches for the ledger.

    `witnesses`: public keys of those who must have cosigned it, as `euthymia ledger witness --init`
    prints them. `witness_folder`: where their notes lie.
    """

    witnesses: tuple[str, ...] = ()
    witness_folder: str | None = None


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where the data rests: in the home's own file, or on a PostgreSQL server.

    `engine`: "sqlite" or "postgresql"; what follows is for the latter. `host`: a name, or the
    folder of a Unix socket. `schema`: the clinic's own within the database. `password_file`: None
    where the server knows the system user. `tls`: "verify-full", or "off" for a server on this
    machine; None: whichever of them fits `host`. `ca_file`: whom to trust instead of the system's
    authorities.
    """

    engine: str = "sqlite"
    host: str = "localhost"
    port: int = 5432
    database: str = "euthymia"
    user: str = "euthymia"
    schema: str = "euthymia"
    password_file: str | None = None
    tls: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """The trainer, which is a process of its own.

    `user`: the system user it runs as, where `train` has the right to choose one. `closed`: refuse
    to train where the trainer could open the home. `population_risk`: why tasks on people who are
    well and asked for nothing may be trained here, such as an ethics board's decision; empty: they
    may not. `workload`: how many of 100 index dates the clinic can look at.
    """

    user: str | None = None
    closed: bool = False
    population_risk: str = ""
    workload: float = 10.0


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set, in `euthymia.toml` of the home."""

    clinic: ClinicConfig = field(default_factory=ClinicConfig)
    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    serve: ServeConfig = field(default_factory=ServeConfig)
    api: ApiConfig = field(default_factory=ApiConfig)
    accounts: AccountsConfig = field(default_factory=AccountsConfig)
    oidc: OidcConfig = field(default_factory=OidcConfig)
    keys: KeyConfig = field(default_factory=KeyConfig)
    ledger: LedgerConfig = field(default_factory=LedgerConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)


def _unknown_keys(data: dict[str, Any]) -> list[str]:
    sections = {f.name: f.default_factory for f in fields(Config)}
    unknown = [key for key in data if key not in sections]
    for name, factory in sections.items():
        section = data.get(name, {})
        if isinstance(section, dict) and callable(factory):
            known = {f.name for f in fields(factory())}
            unknown += [f"{name}.{key}" for key in section if key not in known]
    return sorted(unknown)


def parse(text: bytes, file: str) -> Config:
    """Read a configuration; SchemaError names the file, the key and the fix."""
    try:
        data = msgspec.toml.decode(text)
        unknown = _unknown_keys(data)
        if unknown:
            raise SchemaError(f"{file}: unknown setting {', '.join(unknown)}; see docs/settings.md")
        return _checked(msgspec.convert(data, Config), file)
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1}"
        raise SchemaError(f"{file}: {place} is not UTF-8 text; save the file as UTF-8") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SchemaError(f"{file}: {error}") from error


_ISSUER: Final = re.compile(
    r"https://[^\s/]+(/\S*)?|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/\S*)?"
)

_PUBLIC: Final = re.compile(
    r"https://[^\s/]+/?|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?/?"
)


def _checked(config: Config, file: str) -> Config:
    for words in config.ledger.witnesses:
        if read_key(words).kind != WITNESS_KEY:
            raise SchemaError(f"{file}: ledger.witnesses holds a key that is not a witness's")
    for number, told in config.clinic.crisis_lines():
        if not re.fullmatch(r"[+0-9][0-9 ()/-]{1,24}", number) or not told:
            raise SchemaError(f'{file}: clinic.crisis are "number: what it is", such as "112: ..."')
    unknown = sorted(set(config.gateway.feature_only) - set(STREAMS))
    if unknown:
        raise SchemaError(
            f"{file}: gateway.feature_only names no stream of {', '.join(unknown)}; the streams "
            f"are {', '.join(sorted(STREAMS))}"
        )
    wrong = [role for value, role in config.oidc.role_of() if role not in ROLES or not value]
    if wrong:
        raise SchemaError(
            f'{file}: oidc.roles are "value=role" with a role of {", ".join(sorted(ROLES))}'
        )
    if not _is_zone(config.clinic.time_zone):
        raise SchemaError(
            f"{file}: clinic.time_zone is not in the IANA list: write it like Europe/Madrid"
        )
    issuer = config.oidc.issuer
    if issuer is not None and not _ISSUER.fullmatch(issuer):
        raise SchemaError(f"{file}: oidc.issuer is an https address (http on this machine only)")
    problem = wrong_serve(config.serve)
    if problem:
        raise SchemaError(f"{file}: {problem}")
    problem = _wrong_number(config) or wrong_store(config.store)
    if problem:
        raise SchemaError(f"{file}: {problem}")
    return config


def _wrong_number(config: Config) -> str:
    """Return which number lies outside of what it may be; empty if none does."""
    accounts = config.accounts
    for name, value, most in (
        ("idle_minutes", accounts.idle_minutes, 8 * 60),
        ("session_hours", accounts.session_hours, 24),
        ("emergency_minutes", accounts.emergency_minutes, 24 * 60),
    ):
        if not 1 <= value <= most:
            return f"accounts.{name} is a whole number from 1 to {most}"
    if not 0 <= config.serve.port <= 65_535 or config.serve.workers < 0:
        return "serve.port is from 0 (any free one) to 65535, serve.workers 0 (one a core) or more"
    if not 0 < config.training.workload <= 100:
        return "training.workload is how many of 100: above 0, at most 100"
    return ""


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ValueError, KeyError, OSError):
        return False


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def wrong_serve(serve: ServeConfig) -> str | None:
    """Return what is wrong with how the clinic is served, in words; None if nothing is."""
    if (serve.certificate is None) != (serve.key is None):
        return "serve.certificate and serve.key go together"
    if serve.behind_proxy and not serve.proxies:
        return "serve.proxies names the addresses of the proxy that serve.behind_proxy speaks of"
    if not all(_is_address(proxy) for proxy in serve.proxies):
        return "serve.proxies are addresses, such as 10.0.0.5"
    public = serve.public_url
    if public is not None and not _PUBLIC.fullmatch(public):
        return "serve.public_url is an https address (http on this machine only)"
    least = min(serve.connections, serve.connections_per_address)
    if least < 1 or min(serve.rate_per_address, serve.rate_per_token) < 0:
        return "serve.connections are at least 1, and rates at least 0 (no limit)"
    return None


def wrong_store(store: StoreConfig) -> str | None:
    """Return what is wrong with the store's settings, in words; None if nothing is."""
    if store.engine not in ENGINES:
        return f"store.engine is one of {', '.join(ENGINES)}"
    if store.tls not in {None, "verify-full", "off"}:
        return 'store.tls is "verify-full" or "off"'
    if not _SCHEMA_NAME.fullmatch(store.schema):
        return "store.schema is made of a-z, 0-9 and _, begins with a letter and has up to 63"
    return None


def render(config: Config) -> str:
    """Write a configuration as TOML, one section a room, with its defaults spelt out."""
    lines = ["# Euthymia's settings. After a change run `euthymia init` to accept it.\n"]
    for section in fields(Config):
        lines.append(f"\n[{section.name}]\n")
        part = getattr(config, section.name)
        for setting in fields(part):
            value = getattr(part, setting.name)
            if value is None:
                lines.append(f"# {setting.name} = \n")
            else:
                encoded = msgspec.json.encode(value).decode()
                lines.append(f"{setting.name} = {encoded}\n")
    return "".join(lines)


def load(path: Path) -> tuple[Config, bytes]:
    """Return the configuration and the exact bytes it was read from."""
    raw = path.read_bytes()
    return parse(raw, path.name), raw
