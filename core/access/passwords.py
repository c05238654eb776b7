"""Passwords of local accounts: argon2id (RFC 9106), refused when they are short, common or the person's own address."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

from core.errors import BadInput

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 10, 200
# Of the published lists of most used passwords, those long enough to be tried here; letters and digits only.
COMMON = frozenset(
    """
    1234567890 12345678910 123456789a 0123456789 9876543210 0987654321 1122334455 1q2w3e4r5t 1qaz2wsx3edc qwertyuiop
    qwerty1234 qwerty12345 qwerty123456 asdfghjkl1 asdfghjkl123 zxcvbnm123 abcdefghij abcdefg123 abcd123456 abc1234567
    aa12345678 a123456789 password12 password123 password1234 password12345 password01 passw0rd12 passw0rd123
    mypassword mypassword1 letmein123 letmein1234 welcome123 welcome1234 iloveyou12 iloveyou123 princess123 sunshine123
    football123 baseball123 superman123 administrator admin12345 admin123456 adminadmin changeme123 changeme1234
    woaini1314 woaini5201314 5201314520 1314520520 woaini1314520 zhang123456 wang123456 li12345678 a1b2c3d4e5
    pilotlight pilotlight1 pilotlight123 secretsecret testtest12 test123456 temp123456 default123
    """.split()
)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher()  # the library's defaults follow RFC 9106's second recommended option (64 MiB, 3 passes)


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody has this password")


def _plain(password: str) -> str:
    """NFKC, so that one password typed on two keyboards is one password (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def check_new(password: str, email: str) -> None:
    """Raises BadInput with what is wrong with a password that somebody chooses."""
    plain = _plain(password)
    if len(plain) < SHORTEST:
        raise BadInput("people.password_short", length=len(plain), least=SHORTEST)
    if len(plain) > LONGEST:
        raise BadInput("people.password_long", length=len(plain), most=LONGEST)
    letters = "".join(char for char in plain.casefold() if char.isalnum())
    repeated = len(set(letters)) < 4
    if repeated or letters in COMMON:
        raise BadInput("people.password_common")
    own = {email.casefold(), email.casefold().partition("@")[0]}
    if plain.casefold() in own or letters in {"".join(char for char in part if char.isalnum()) for part in own}:
        raise BadInput("people.password_is_email")


def hash_password(password: str) -> str:
    return _hasher().hash(_plain(password))


def verify(stored: str, password: str) -> bool:
    """Whether it fits. An empty ``stored`` (nobody, or no password) costs the same time and never fits."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        fits = _hasher().verify(stored or _nobodys(), _plain(password[: LONGEST * 4]))
    except (VerificationError, InvalidHashError):
        return False
    return fits and bool(stored)


def outdated(stored: str) -> bool:
    """Whether it was hashed with other parameters than today's."""
    return _hasher().check_needs_rehash(stored)
