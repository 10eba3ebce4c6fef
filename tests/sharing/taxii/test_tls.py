"""TLS on both sides: what a certificate must be, which versions and suites are spoken."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from stillwatch.errors import InputError, PeerError, UsageError
from stillwatch.sharing.taxii.serving import serve
from tests.sharing.taxii.offered import BULLETINS, Served, added, indicator, serving
from tests.sharing.taxii.peers_served import login, pulled, pushed

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate of these tests")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    chain, key = folder / "cert.pem", folder / "key.pem"
    wanted = f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout {key} -out {chain}"
    subject = ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(["openssl", *wanted.split(), *subject], check=True, capture_output=True)
    return chain, key


@pytest.fixture
def secure(tmp_path: Path, secrets: tuple[bytes, dict[str, str]], certificate: tuple[Path, Path]) -> Iterator[Served]:
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "users.json").write_bytes(secrets[0])
    with serving(folder, secrets=secrets[1], certificate=certificate[0], key=certificate[1]) as served:
        yield served


def spoken(served: Served, context: ssl.SSLContext) -> tuple[str, str]:
    host, port = served.url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=host) as connection:
            cipher = connection.cipher()
            return str(connection.version()), cipher[0] if cipher else ""


def test_tls_1_2_and_1_3_are_spoken_with_suites_that_http2_allows_and_nothing_older(
    secure: Served, certificate: tuple[Path, Path]
) -> None:
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        context = ssl.create_default_context(cafile=certificate[0])
        context.minimum_version = context.maximum_version = version
        assert spoken(secure, context)[0] == name
    context = ssl.create_default_context(cafile=certificate[0])
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    assert spoken(secure, context)[1].startswith("ECDHE-")
    context.set_ciphers("AES128-SHA:AES256-SHA:AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA")  # all forbidden by RFC 7540
    with pytest.raises((ssl.SSLError, ConnectionError)):
        spoken(secure, context)
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        spoken(secure, old)


def test_no_early_data_is_taken(secure: Served, certificate: tuple[Path, Path]) -> None:
    command = ["openssl", "s_client", "-connect", secure.url.removeprefix("https://"), "-tls1_3"]
    command += ["-CAfile", str(certificate[0]), "-ign_eof"]
    asked = subprocess.run(command, input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=30, check=False)
    said = asked.stdout.decode("utf-8", "replace")
    assert "TLSv1.3" in said
    assert set(re.findall(r"Max Early Data: (\d+)", said)) == {"0"}  # in each ticket for a later session
    assert "Early data was not sent" in said


def test_our_client_speaks_tls_1_2_and_1_3(
    certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        context.maximum_version = version
        spoken_: list[str | None] = []

        def once(listener: socket.socket, context: ssl.SSLContext = context, told: list[str | None] = spoken_) -> None:
            with context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                told.append(connection.version())
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=once, args=(listener,))
            thread.start()
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/taxii2/"
            with pytest.raises(PeerError, match="answers 404"):
                pulled(url, None, BULLETINS, tmp_path / "feed")
            thread.join(20)
        assert spoken_ == [name]


def test_our_client_verifies_the_certificate(
    secure: Served, certificate: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha = login("alpha", secure.secrets["alpha"])
    bundle = tmp_path / "b.json"
    bundle.write_text('{"type": "bundle", "objects": [{"type": "campaign"}]}')
    with pytest.raises(PeerError, match="cannot be verified; name its authority's file in SSL_CERT_FILE"):
        pushed(secure.url, alpha, BULLETINS, bundle)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert pushed(secure.url, alpha, BULLETINS, bundle).refused
    wrong_host = secure.url.replace("127.0.0.1", "localhost")
    with pytest.raises(PeerError, match="cannot be verified"):
        pushed(wrong_host, alpha, BULLETINS, bundle)


def test_another_machine_is_served_with_tls_only(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "share.toml").write_text("")

    def start(host: str, certificate: Path | None = None, key: Path | None = None) -> None:
        serve(
            tmp_path / "store",
            tmp_path / "share.toml",
            host=host,
            port=0,
            certificate=certificate,
            key=key,
            plain=False,
            say=said.append,
        )

    for host in ("0.0.0.0", "::", "peer.example", "192.0.2.1"):
        with pytest.raises(UsageError, match="without TLS"):
            start(host)
    with pytest.raises(UsageError, match="belong together"):
        start("127.0.0.1", certificate=tmp_path / "cert.pem")
    with pytest.raises(InputError, match=r"share\.toml"):
        start("127.0.0.1")
    assert said == []
    assert not (tmp_path / "store").exists()


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path, secrets: tuple[bytes, dict[str, str]]) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    with pytest.raises(InputError, match=r"cert\.pem"):
        with serving(tmp_path, secrets=secrets[1], certificate=tmp_path / "cert.pem", key=tmp_path / "cert.pem"):
            raise AssertionError("it serves")


def test_the_same_server_without_tls_on_loopback(served: Served, tmp_path: Path) -> None:
    added(served.client(), served.collection(), indicator(1))
    with pytest.raises(PeerError):
        pulled(served.url.replace("http:", "https:"), login("alpha", "x" * 20), BULLETINS, tmp_path / "feed")
