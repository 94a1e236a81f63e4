"""Ed25519 by the package `cryptography`; the only module that imports it, and imported only for keys."""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)


def new_private_pem() -> bytes:
    """Return a new private key, PKCS 8 in PEM, not encrypted: the file's mode protects it."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_of_private(pem: bytes) -> bytes:
    """Return the 32 bytes of the public key that belongs to a private one.

    Raises:
        ValueError: It is no ed25519 private key, or one with a password.
    """
    return _private(pem).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def public_pem(public: bytes) -> bytes:
    """Return a public key's 32 bytes as PEM."""
    key = Ed25519PublicKey.from_public_bytes(public)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_from_pem(pem: bytes) -> bytes:
    """Return the 32 bytes of a public key in PEM.

    Raises:
        ValueError: It is no ed25519 public key.
    """
    key = load_pem_public_key(pem)
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("it is a public key of another kind")  # noqa: TRY004 - it was read, and does not fit
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(pem: bytes, message: bytes) -> bytes:
    """Return the 64 bytes of the signature of a message.

    Raises:
        ValueError: It is no ed25519 private key, or one with a password.
    """
    return _private(pem).sign(message)


def is_signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """Say whether the owner of a public key has signed a message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError as error:
        raise ValueError("it is protected by a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("it is a private key of another kind")  # noqa: TRY004 - it was read, and does not fit
    return key
