"""The way to the server: names, connections, clocks, certificates."""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import urllib.error
import urllib.request
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import SplitResult, unquote

from node_join import amounts, script
from node_join.doctor.patient import Bad, Patient, Unknown

#: Seconds between the clocks from which on certificates and times of jobs go wrong.
CLOCK_LIMIT = 300
PATIENCE = 10.0  #: seconds for each answer of the network


def dns(patient: Patient) -> str:
    name, port = patient.first
    whose = "the proxy " if patient.proxy else ""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Bad(
            f"The name {whose}{name} is not known here ({reason(error)}).",
            "Check the proxy's name in HTTPS_PROXY." if whose else "Check this machine's network and its name server.",
        ) from error
    addresses = ", ".join(dict.fromkeys(str(each[4][0]) for each in found))
    return f"{whose}{name} -> {addresses}"


def tcp(patient: Patient) -> str:
    with _dialled(patient) as connection:
        peer = connection.getpeername()
    return _way(patient) + f" ({peer[0]}) answers"


def _dialled(patient: Patient) -> socket.socket:
    """A connection to the server, through the proxy where there is one. Raises Bad."""
    connection = http.client.HTTPConnection(*patient.first, timeout=PATIENCE)
    if patient.proxy is not None:
        connection.set_tunnel(*patient.end, headers=_proxy_login(patient.proxy))
    try:
        connection.connect()
    except (OSError, http.client.HTTPException) as error:
        remedy = "Check that the server runs, and that no firewall is in between; set HTTPS_PROXY if you need a proxy."
        if patient.proxy is not None:
            remedy = "Check HTTPS_PROXY, and that the proxy lets connections to the server through."
        raise Bad(f"{_way(patient)} does not answer: {reason(error)}.", remedy) from error
    return connection.sock


def _way(patient: Patient) -> str:
    """Without the proxy's login."""
    through = f" through the proxy {patient.first[0]}:{patient.first[1]}" if patient.proxy else ""
    return f"{patient.end[0]}:{patient.end[1]}{through}"


def _proxy_login(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    login = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}


def clock(patient: Patient) -> str:
    """Before TLS, since a wrong clock makes every certificate invalid."""
    # Nothing secret is sent, and the answer decides nothing but this line, so the certificate does not matter here.
    unchecked = ssl.create_default_context()
    unchecked.check_hostname, unchecked.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(f"{patient.machine.url}/healthz", timeout=PATIENCE, context=unchecked) as answer:
            date = answer.headers.get("Date", "")
    except urllib.error.HTTPError as error:
        date = error.headers.get("Date", "")
    except (OSError, http.client.HTTPException) as error:
        raise Unknown(f"not checked, since the server does not say the time ({reason(error)})") from error
    try:
        apart = patient.now() - parsedate_to_datetime(date).timestamp()
    except ValueError:
        raise Unknown("not checked, since the server does not say the time") from None
    if abs(apart) <= CLOCK_LIMIT:
        return "agrees with the server's" + (f" within {abs(apart):.0f} s" if abs(apart) >= 2 else "")
    told = f"This machine's clock is {amounts.span(abs(apart))} {'ahead of' if apart > 0 else 'behind'} the server's."
    raise Bad(told, "Set this machine's clock, for example with `timedatectl set-ntp true`.")


def tls(patient: Patient) -> str:
    if patient.server.scheme != "https":
        return "none: plain HTTP, as this machine was told to use"
    try:
        with (
            _dialled(patient) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=patient.end[0]) as secure,
        ):
            until = (secure.getpeercert() or {}).get("notAfter")
            version = secure.version()
    except ssl.SSLError as error:
        # As urllib wraps it: an SSLError has a `reason` of its own, a bare word.
        told, _, remedy = script.why_unreachable(patient.machine.url, urllib.error.URLError(error)).rpartition(". ")
        raise Bad(f"{told}.", remedy) from error
    except OSError as error:
        raise Bad(
            f"No TLS connection to {patient.machine.url}: {reason(error)}.", "Check any proxy in between."
        ) from error
    valid = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(until)), UTC).date() if until else "an unknown day"
    return f"{version}, the certificate is valid until {valid}"


def reason(error: BaseException) -> str:
    """In a few words, from whatever a failed connection raised."""
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError) and not cause.errno:  # whose own words are Python's
        return "no answer in time"
    return getattr(cause, "strerror", None) or str(cause) or type(error).__name__
