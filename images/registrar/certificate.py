"""The key and certificate with which one gateway speaks TLS to its load balancer."""

import datetime
import os
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
NAME: Final = "gateway"
LIFE: Final = datetime.timedelta(days=3650)
"""Longer than any pod lives: nobody renews it, and the load balancer looks at no date.

Source: Network Load Balancer Guide, "Target groups": certificates of targets are not validated.
"""
SOON: Final = datetime.timedelta(days=30)
# Envoy's user or group reads; the key is never written again.
KEY_MODE: Final = 0o440
CERTIFICATE_MODE: Final = 0o444


def ensure(folder: Path) -> bool:
    """A P-256 key and its self-signed certificate in `folder`; True if they were made, False if good ones were there.

    The key exists in this process and in this folder, nowhere else. A run that was killed leaves no file under its
    final name that is not whole; a key and a certificate that do not belong together are both made anew.

    Raises:
        OSError: the folder cannot be written.
    """
    if _good(folder):
        return False
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        # Clocks of nodes differ a little.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    _write(folder / KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), KEY_MODE)
    _write(folder / CERTIFICATE, built.public_bytes(Encoding.PEM), CERTIFICATE_MODE)
    return True


def _good(folder: Path) -> bool:
    """Whether both files are there, belong together, and last for a while."""
    try:
        key = load_pem_private_key((folder / KEY).read_bytes(), password=None)
        certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    except (FileNotFoundError, ValueError):
        return False
    if not isinstance(key, EllipticCurvePrivateKey) or certificate.public_key() != key.public_key():
        return False
    return certificate.not_valid_after_utc > datetime.datetime.now(datetime.UTC) + SOON


def _write(path: Path, content: bytes, mode: int) -> None:
    """The file appears whole, with its mode, or not at all."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, mode)
        file.write(content)
    temporary.replace(path)
