"""Tokens, tags, ids and addresses: who is who, and what may be shown of it.

Random secrets have 256 bits. They are stored as plain SHA-256 where only a comparison is needed: a slow, salted hash
protects what a person could guess, and 2^256 values cannot be tried, nor is any of them ever used twice.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from head.errors import SettingsError

#: The pool's Ray head; machines follow from 127.77.1.1 on.
HEAD_ADDRESS = "127.77.0.1"
#: 127.77.1.1 to 127.77.255.254, leaving out .0 and .255 for the eye's sake.
MACHINES_PER_POOL = 255 * 254

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_TAG_PURPOSE = b"ray resource tag"


def new_id() -> str:
    """An id for a person, machine, job, ...: ten of [a-z0-9], 51 bits, unique by the store's keys and no secret."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def new_token() -> str:
    """A 256-bit secret as 43 URL-safe characters: a user token, Ray's cluster token, a dashboard session, a join token.

    43 characters leave a join command well within its 256.
    """
    while True:
        token = secrets.token_urlsafe(32)
        # A leading dash would read as an option where somebody writes `--token TOKEN`.
        if not token.startswith("-"):
            return token


def digest(secret: str) -> str:
    """What is stored of a secret that only has to be recognised: its SHA-256 in hex (enough; the module says why)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def resource_tag(user_token: str) -> str:
    """The Ray resource of a person's machines: shows on the dashboard, and reveals nothing of the token."""
    mac = hmac.new(user_token.encode(), _TAG_PURPOSE, hashlib.sha256).digest()
    return "u_" + base64.b32encode(mac).decode().lower()[:16]


def machine_tag(machine_id: str) -> str:
    """The Ray resource of one machine: files and models lie on *a* machine."""
    return f"m_{machine_id}"


def admission_code(public_key: str) -> str:
    """What a new machine shows and its owner types on another: from its key (base64), so nobody else can have it.

    Ten characters are 50 bits: somebody else would have to make some 2^50 keys to find one with the same code.
    """
    code = base64.b32encode(hashlib.sha256(base64.b64decode(public_key)).digest()).decode()[:10]
    return f"{code[:5]}-{code[5:]}"


def loopback_address(number: int) -> str:
    """The address of a pool's machine `number` (from 1): 1 is 127.77.1.1, 254 is 127.77.1.254, 255 is 127.77.2.1."""
    if not 1 <= number <= MACHINES_PER_POOL:
        raise ValueError(f"a pool has machines 1 to {MACHINES_PER_POOL}, not {number}")
    x, y = divmod(number - 1, 254)
    return f"127.77.{x + 1}.{y + 1}"


def server_key(data_dir: Path) -> Ed25519PrivateKey:
    """The server's own key, by which machines know it again; made once, in `data_dir`, for its owner's eyes only.

    Raises SettingsError where the file is damaged or other users of the system may read it.
    """
    path = data_dir / "server.key"
    if not path.exists():
        _write_once(path, Ed25519PrivateKey.generate())
    if path.stat().st_mode & 0o077:
        raise SettingsError(
            "The server's key can be read by other users of this system.", remedy="chmod 600 server.key"
        )
    try:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except ValueError as error:
        raise SettingsError(
            "The server's key file is damaged.",
            remedy="Restore server.key from a backup; machines know the server by it.",
        ) from error


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half, as machines and the protocol write it: base64 of the 32 raw bytes."""
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return base64.b64encode(raw).decode()


def _write_once(path: Path, key: Ed25519PrivateKey) -> None:
    """Complete or not at all, and the first of two processes wins: written aside, then linked into place."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key.private_bytes_raw())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(aside, path)
        except FileExistsError:
            return
    finally:
        aside.unlink()
