"""Nothing leaves the machine but to where the settings say; tried in a process of its own."""

import json
import subprocess
import sys

from edge_server import environment

TRY = """
import json, socket, sys
from euthymia.app.outbound import OutboundError, allow, guard
guard()
for host in json.loads(sys.argv[1]): allow(host)
told = {}
def attempt(name, what):
    try: what(); told[name] = "let"
    except OutboundError: told[name] = "refused"
    except OSError as error:  # let by us where the network said no
        wrapped = isinstance(getattr(error, "reason", None), OutboundError)
        told[name] = "refused" if wrapped else "let"
def connect(where, family=socket.AF_INET):
    with socket.socket(family) as line:
        line.settimeout(0.05)
        line.connect(where)
def datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"x", ("192.0.2.1", 53))
def urlopen():
    import urllib.request
    urllib.request.urlopen("http://192.0.2.1/", timeout=0.05)
attempt("here", lambda: connect(("127.0.0.1", 1)))
attempt("six", lambda: connect(("::1", 1), socket.AF_INET6))
attempt("connect", lambda: connect(("192.0.2.1", 443)))
attempt("other", lambda: connect(("192.0.2.2", 443)))
attempt("datagram", datagram)
attempt("name", lambda: socket.getaddrinfo("tell.example", 443))
attempt("old name", lambda: socket.gethostbyname("tell.example"))
attempt("url", urlopen)
print(json.dumps(told))
"""


def _tried(*allowed: str) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", TRY, json.dumps(allowed)],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


def test_nothing_is_let_out_that_nobody_named() -> None:
    told = _tried()
    assert {name for name, what in told.items() if what == "let"} == {"here", "six"}


def test_what_the_settings_name_is_let_out_and_nothing_else() -> None:
    told = _tried("192.0.2.1")
    assert told["connect"] == told["url"] == told["datagram"] == "let"
    assert told["other"] == told["name"] == "refused"


HOOKED = """
import socket, sys
sys.argv = ["euthymia", "--version"]
from euthymia.app.cli import main
main()
try: socket.create_connection(("192.0.2.1", 443), timeout=0.05)
except Exception as error: print(type(error).__name__)
"""


def test_the_command_line_is_guarded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOOKED],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split()[-1] == "OutboundError"
