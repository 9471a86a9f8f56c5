"""TLS of `euthymia serve`: with one worker and with two, as a client sees it."""

import json
import socket
import ssl
import subprocess
import sys
import warnings
from pathlib import Path

import httpx
import pytest

from edge_server import clinic_in, environment, served, settle, trusting
from euthymia.app.clinic import wall_clock
from euthymia.app.config import ServeConfig
from euthymia.app.http.tls import tls_context
from euthymia.security.certificates import make_server_certificates


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def edge(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("tls")
    token = clinic_in(place / "home")
    context, paths = trusting(place / "certificates")
    settle(place / "home", **paths)
    with served(place / "home", token, request.param, context) as up:
        yield up


def _handshake(edge, context, name="localhost"):
    with (
        socket.create_connection(("127.0.0.1", edge.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname=name) as spoken,
    ):
        return spoken.version()


def test_the_api_answers_over_tls_and_says_so(edge):
    assert edge.url == f"https://localhost:{edge.port}"
    with edge.client() as client:
        answers = [edge.ask(client) for _ in range(6)]
        assert {answer.status_code for answer in answers} == {200}
        for path in ("/v1/models", "/healthz", "/docs", "/signin", "/v1/none", "/nowhere"):
            headers = client.get(path).headers
            assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            for part in ("frame-ancestors", "base-uri", "object-src"):
                assert f"{part} 'none'" in headers["content-security-policy"], path
            assert headers["permissions-policy"].startswith("camera=()")
            assert headers["cache-control"] == "no-store"
            assert "server" not in headers


def test_only_tls_12_and_13_are_spoken(edge):
    assert _handshake(edge, edge.tls) == "TLSv1.3"
    context = ssl.create_default_context()
    context.load_verify_locations(edge.home.parent / "certificates" / "authority.pem")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert _handshake(edge, context) == "TLSv1.2"
    context.set_ciphers("AES128-SHA256:AES256-GCM-SHA384:@SECLEVEL=0")  # no forward secrecy
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _handshake(edge, context)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _handshake(edge, old)


def _agreed(server, client):
    """Return the version two contexts agree upon, in memory; ssl.SSLError where they do not."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(back, there)
    ends = [asking, server.wrap_bio(there, back, server_side=True)]
    for _ in range(4):
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
    assert not ends
    return asking.version()


def test_old_versions_are_refused_whatever_ciphers_are_left(tmp_path):
    """The version's own bound holds: not only the ciphers, which TLS 1.0 and 1.1 do not have."""
    _, paths = trusting(tmp_path)
    server = tls_context(ServeConfig(**paths), "clinic.lan")
    server.set_ciphers("ALL:@SECLEVEL=0")
    lax = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    lax.load_cert_chain(paths["certificate"], paths["key"])
    lax.set_ciphers("ALL:@SECLEVEL=0")
    versions = (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2)
    for version in versions:
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        client.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            lax.minimum_version = ssl.TLSVersion.TLSv1
            client.minimum_version = ssl.TLSVersion.TLSv1
            client.maximum_version = version
        spoken = version.name.replace("_", ".")
        assert _agreed(lax, client) == spoken  # this client can, if the server lets it
        if version is ssl.TLSVersion.TLSv1_2:
            assert _agreed(server, client) == spoken
        else:
            with pytest.raises(ssl.SSLError):
                _agreed(server, client)


def test_plain_http_and_foreign_authorities_get_nowhere(edge, tmp_path):
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{edge.port}/healthz")
    other, _ = trusting(tmp_path / "other")
    for context in (other, ssl.create_default_context()):
        with pytest.raises(ssl.SSLCertVerificationError):
            _handshake(edge, context)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(edge, edge.tls, name="clinic.example")
    with edge.client() as client:
        assert client.get("/healthz").status_code == 200  # nobody else was disturbed


def test_the_session_is_bound_to_this_host_and_to_tls(edge):
    with edge.client() as client:
        code = httpx.URL(edge.sign_in).fragment.removeprefix("code=")
        headers = {"sec-fetch-site": "same-origin"}
        answer = client.post("/signin", data={"code": code}, headers=headers)
        assert answer.status_code == 303, answer.text
        cookie = answer.headers["set-cookie"].lower()
        assert cookie.startswith("__host-euthymia=")
        assert {"secure", "httponly", "path=/", "samesite=strict"} <= set(cookie.split("; "))
        assert "domain" not in cookie
        assert client.get("/").status_code == 200


def _serve(home: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "euthymia", "--home", str(home), "serve", "--port", "0"]
    return subprocess.run(
        [*command, "--json", *options],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_beyond_this_machine_there_is_no_plain_http(tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-m", "euthymia", "--home", str(home)]
    subprocess.run([*command, "init"], env=environment(), capture_output=True, check=True)
    for host in ("0.0.0.0", "::", "192.0.2.7", "clinic.lan"):
        done = _serve(home, "--host", host)
        assert done.returncode == 1
        assert "takes TLS" in json.loads(done.stdout)["error"]


@pytest.mark.slow
def test_files_that_do_not_fit_are_refused(tmp_path):
    home = tmp_path / "home"
    command = [sys.executable, "-m", "euthymia", "--home", str(home)]
    subprocess.run([*command, "init"], env=environment(), capture_output=True, check=True)
    _, mine = trusting(tmp_path / "a")
    _, other = trusting(tmp_path / "b")
    settle(home, certificate=mine["certificate"], key=other["key"])
    assert "its own key" in json.loads(_serve(home).stdout)["error"]
    settle(home, certificate=mine["certificate"], key=str(tmp_path / "none"))
    assert "not there" in json.loads(_serve(home).stdout)["error"]
    Path(str(mine["key"])).chmod(0o644)
    settle(home, **mine)
    assert "chmod 600" in json.loads(_serve(home).stdout)["error"]


def test_the_own_authority_vouches_for_its_names_alone(tmp_path):
    """Whoever got hold of the authority's key could not pass for another site."""
    from cryptography import x509

    make_server_certificates(tmp_path, ["clinic.lan", "10.1.2.3"], now=wall_clock())
    read = x509.load_pem_x509_certificate((tmp_path / "authority.pem").read_bytes())
    limits = read.extensions.get_extension_for_class(x509.NameConstraints)
    assert limits.critical
    assert [str(name.value) for name in limits.value.permitted_subtrees] == [
        "clinic.lan",
        "10.1.2.3/32",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "authority.pem",
        "server.key",
        "server.pem",
    ]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
