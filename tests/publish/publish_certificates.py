"""A private CA, a broker's certificate for localhost, and a client's, made by the real openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make_certificates(folder: Path) -> None:
    """Write ca.pem, broker.pem and client.pem with their keys, each good for two days."""
    openssl(
        folder,
        "req",
        "-x509",
        *KEY,
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
        "-subj",
        "/CN=plant",
        "-days",
        "2",
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    sign(folder, "broker", "/CN=localhost", "-extfile", "names")
    sign(folder, "client", "/CN=box1")
    openssl(folder, "pkey", "-in", "client.key", "-aes256", "-passout", "pass:hush", "-out", "locked.key")


def sign(folder: Path, name: str, subject: str, *more: str) -> None:
    """Write NAME.pem and NAME.key, signed by the folder's CA."""
    openssl(folder, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", subject)
    openssl(
        folder,
        *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", f"{name}.pem", "-days", "2", *more),
    )


def sign_outdated(folder: Path, name: str, host: str) -> None:
    """Write NAME.pem and NAME.key for a host, signed by the CA, that were good in January of 2020."""
    (folder / "index").touch()
    lines = (
        *("[ca]", "default_ca=own", "[own]", "database=index", "new_certs_dir=.", "rand_serial=yes"),
        *("default_md=sha256", "policy=names", "x509_extensions=more", "[names]", "commonName=supplied"),
        *("[more]", f"subjectAltName=DNS:{host}"),
    )
    (folder / "authority.cnf").write_text("\n".join(lines))
    openssl(folder, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={host}")
    openssl(
        folder,
        *("ca", "-batch", "-config", "authority.cnf", "-cert", "ca.pem", "-keyfile", "ca.key"),
        *("-in", f"{name}.csr", "-out", f"{name}.pem"),
        *("-startdate", "20200101000000Z", "-enddate", "20200201000000Z"),
    )


def tls_lines(folder: Path) -> tuple[str, ...]:
    """Return what makes a Mosquitto ask for certificates of this authority."""
    return (
        f"cafile {folder}/ca.pem",
        f"certfile {folder}/broker.pem",
        f"keyfile {folder}/broker.key",
        "require_certificate true",
    )
