"""Over TLS of our own, cookies and headers say so, and nothing older than TLS 1.2 is spoken."""

from __future__ import annotations

import datetime as dt
import ssl
import warnings
from pathlib import Path

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stillwatch.console.serving import Reached
from tests.console.served import serving


def made_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that vouches for itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "console.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return certificate, secret


def test_over_tls_cookies_never_travel_in_the_clear(tmp_path: Path) -> None:
    certificate, key = made_certificate(tmp_path)
    reached = Reached(certificate=certificate, key=key, names=("console.example",))
    with serving(tmp_path, reached=reached) as served:
        assert served.url.startswith("https://")
        with httpx2.Client(verify=False, trust_env=False) as client:
            answer = client.get(served.url + "/login")
            named = client.get(served.url + "/login", headers={"host": "Console.Example"})
            other = client.get(served.url + "/login", headers={"host": "evil.example"})
        assert (answer.status_code, named.status_code, other.status_code) == (200, 200, 421)
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert answer.headers["set-cookie"].startswith("__Host-stillwatch-")
        assert "Secure" in answer.headers["set-cookie"]


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    certificate, key = made_certificate(tmp_path)
    with serving(tmp_path, reached=Reached(certificate=certificate, key=key)) as served:
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that it is old is the point
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        try:
            answer = httpx2.get(served.url + "/login", verify=old, trust_env=False)
        except httpx2.ConnectError:
            return
        raise AssertionError(f"TLS 1.1 was answered with {answer.status_code}")
