"""Encryption at rest: AES-256-GCM with the keys of the settings. The first key encrypts, the others still decrypt.

A text becomes ``enc1.<key>.<base64 of nonce and ciphertext>``, a file a header and chunks in the STREAM construction
(Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015):
chunks cannot be changed, exchanged, left out or cut off. What is encrypted says with which key, by eight digits of the
key's hash, so that a rotation sees what it still has to do. docs/decisions/encryption.md has the threat model.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING

from core.errors import BadInput, Unavailable
from core.settings import Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX = "enc1."
PLAIN = "enc1.plain."  # before a text that happens to begin like an encrypted one
MAGIC = b"PLENC1"
CHUNK = 1 << 20
_ID, _NONCE, _SALT, _TAG = 8, 12, 7, 16
_TEXT = re.compile(r"enc1\.(?P<key>[0-9a-f]{8})\.(?P<body>[A-Za-z0-9_-]+={0,2})")


def new_key() -> str:
    """A random key of 256 bits, as it is written into the settings."""
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


class Cipher:
    """Encrypts with the first of ``keys`` (as :func:`new_key` writes them) and decrypts with whichever fits.

    Raises BadInput (encryption.key_shape) for a key that is none.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._keys: dict[str, AESGCM] = {}
        for key in keys:
            raw = _decoded(key)
            self._keys[hashlib.sha256(b"pilotlight key" + raw).hexdigest()[:_ID]] = AESGCM(raw)
        self.current = next(iter(self._keys))

    def _key(self, name: str) -> AESGCM:
        if name not in self._keys:
            raise Unavailable("encryption.key_unknown", needed=name, given=", ".join(self._keys))
        return self._keys[name]

    def encrypt(self, text: str, place: str) -> str:
        """``place`` (a column's name) is bound to it: moved elsewhere it cannot be read. "" stays as it is."""
        if not text:
            return text
        nonce = os.urandom(_NONCE)
        body = nonce + self._keys[self.current].encrypt(nonce, text.encode("utf-8", "surrogatepass"), place.encode())
        return f"{PREFIX}{self.current}.{base64.urlsafe_b64encode(body).decode()}"

    def decrypt(self, stored: str, place: str) -> str:
        """Raises Unavailable (encryption.key_unknown, encryption.damaged)."""
        from cryptography.exceptions import InvalidTag

        found = _TEXT.fullmatch(stored)
        if found is None:
            raise Unavailable("encryption.damaged", place=place)
        try:
            body = base64.urlsafe_b64decode(found["body"])
            plain = self._key(found["key"]).decrypt(body[:_NONCE], body[_NONCE:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise Unavailable("encryption.damaged", place=place) from error
        return plain.decode("utf-8", "surrogatepass")

    def encrypt_file(self, source: Iterator[bytes], out: IO[bytes]) -> None:
        """Writes the chunks of ``source`` encrypted."""
        salt = os.urandom(_SALT)
        head = MAGIC + self.current.encode() + salt
        out.write(head)
        key = self._keys[self.current]
        number, waiting = 0, bytearray()
        for chunk in source:
            waiting += chunk
            while len(waiting) > CHUNK:
                out.write(key.encrypt(_nonce(salt, number, last=False), bytes(waiting[:CHUNK]), head))
                del waiting[:CHUNK]
                number += 1
        out.write(key.encrypt(_nonce(salt, number, last=True), bytes(waiting), head))

    def decrypt_file(self, path: Path) -> Iterator[bytes]:
        """The chunks of a file that :meth:`encrypt_file` wrote. Raises Unavailable."""
        from cryptography.exceptions import InvalidTag

        with path.open("rb") as source:
            head = source.read(len(MAGIC) + _ID + _SALT)
            key, salt = self._key(head[len(MAGIC) : len(MAGIC) + _ID].decode("ascii", "replace")), head[-_SALT:]
            number, chunk = 0, source.read(CHUNK + _TAG)
            while True:
                after = source.read(CHUNK + _TAG)
                try:
                    yield key.decrypt(_nonce(salt, number, last=not after), chunk, head)
                except (InvalidTag, ValueError) as error:
                    raise Unavailable("encryption.damaged", place=path.name) from error
                if not after:
                    return
                number, chunk = number + 1, after


def _nonce(salt: bytes, number: int, *, last: bool) -> bytes:
    return salt + number.to_bytes(4, "big") + bytes([last])


def _decoded(key: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key.strip().encode())
    except ValueError as error:
        raise BadInput("encryption.key_shape") from error
    if len(raw) != 32:
        raise BadInput("encryption.key_shape")
    return raw


def key_of_text(stored: str) -> str:
    """By which key a stored text is encrypted; "" for a plain one."""
    found = _TEXT.fullmatch(stored)
    return found["key"] if found else ""


def key_of_file(path: Path) -> str:
    """The same of a stored file."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC) + _ID)
    return head[len(MAGIC) :].decode("ascii", "replace") if head.startswith(MAGIC) else ""


def hidden(cipher: Cipher | None, text: str, place: str) -> str:
    """``text`` as it is stored."""
    if cipher is not None:
        return cipher.encrypt(text, place)
    return f"{PLAIN}{text}" if text.startswith(PREFIX) else text


def shown(cipher: Cipher | None, stored: str, place: str) -> str:
    """A stored text as it was. Raises Unavailable when it is encrypted and its key is not there."""
    if not stored.startswith(PREFIX):
        return stored
    if stored.startswith(PLAIN):
        return stored.removeprefix(PLAIN)
    if cipher is None:
        raise Unavailable("encryption.key_missing", needed=key_of_text(stored))
    return cipher.decrypt(stored, place)


def cipher_of(settings: Settings) -> Cipher | None:
    """The cipher that the settings name; None where encryption is off. Raises BadInput for an unreadable key file."""
    written = settings.encryption_key.get_secret_value()
    if settings.encryption_key_file is not None:
        try:
            written = settings.encryption_key_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("encryption.key_file", path=str(settings.encryption_key_file)) from error
    keys = tuple(key for key in re.split(r"[\s,]+", written) if key)
    if settings.encryption_key_file is not None and not keys:
        raise BadInput("encryption.key_file", path=str(settings.encryption_key_file))
    return _made(keys) if keys else None


@lru_cache(maxsize=8)
def _made(keys: tuple[str, ...]) -> Cipher:
    return Cipher(keys)
