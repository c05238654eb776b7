"""What a link may be: sites, logos, secrets and the addresses that are counted."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from core.access.passwords import hash_password, verify
from core.access.tokens import new_token
from core.errors import BadInput
from core.services.links import logo, secret
from core.services.links.rules import sites
from core.services.links.tries import near


@pytest.mark.parametrize(
    ("given_site", "kept"),
    [
        ("https://Shop.Example", "https://shop.example"),
        (" https://shop.example/ ", "https://shop.example"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("https://例子.example", "https://xn--fsqu00a.example"),
    ],
)
def test_a_site_is_an_origin(given_site: str, kept: str) -> None:
    assert sites([given_site, "", given_site]) == [kept]


@pytest.mark.parametrize(
    "hostile",
    [
        "shop.example",
        "https://",
        "https://*",
        "*",
        "https://shop.example/path",
        "https://a@shop.example",
        "https://shop.example;script-src *",
        "https://shop.example 'unsafe-inline'",
        "https://shop.example\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "data:text/html,hello",
        "https://shop.example?x=1",
        "https://shop.example:99999",
    ],
)
def test_what_is_no_origin_is_refused(hostile: str) -> None:
    with pytest.raises(BadInput):
        sites([hostile])


@given(st.text(max_size=60))
def test_no_site_brings_more_than_a_host_into_a_header(text: str) -> None:
    try:
        kept = sites([text])
    except BadInput:
        return
    assert all(not set(site) & set(" ;,'\"\r\n\t*") for site in kept)


def image(format: str, size: tuple[int, int] = (600, 300), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, "#0B7A75").save(out, format, **more)
    return out.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_logo_is_drawn_anew_and_small(format: str) -> None:
    kept = Image.open(io.BytesIO(logo.drawn_anew(image(format))))
    assert (kept.format, kept.size) == ("PNG", (256, 128))


def test_nothing_else_of_a_logos_file_survives() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "<script>alert(1)</script>")
    data = image("PNG", pnginfo=notes) + b"<script>tail</script>"
    assert b"script" in data
    assert b"script" not in logo.drawn_anew(data)


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"not an image",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
        image("GIF"),
        image("PNG")[:80],
        image("PNG", (5000, 10)),
        b"\0" * (logo.MOST_BYTES + 1),
    ],
    ids=["svg", "text", "broken", "gif", "cut", "wide", "large"],
)
def test_what_is_no_logo_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput):
        logo.drawn_anew(data)


def test_secrets_are_random_and_only_their_hash_tells_nothing() -> None:
    first, second = new_token(), new_token()
    assert first != second
    assert len(first) == 43
    assert secret.guest_secret(first, "a" * 32) == secret.guest_secret(first, "a" * 32)
    assert len({secret.guest_secret(t, b) for t in (first, second) for b in ("a", "b")}) == 4
    visitor = secret.guest_visitor(10**17, secret.guest_secret(first, "a"))
    assert len(visitor) <= 64, "it must fit the column"


def test_a_password_is_known_by_its_hash_alone() -> None:
    stored = hash_password("open sesame")
    assert stored.startswith("$argon2id$")
    assert len(stored) <= 200
    assert verify(stored, "open sesame")
    assert not verify(stored, "Open sesame")
    assert not verify("damaged", "open sesame")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "testclient"),
        ("", "unknown"),
    ],
)
def test_an_ipv6_network_counts_as_one(address: str, counted: str) -> None:
    assert near(address) == counted
