"""Texts, tables and pictures on their way into a network, and the figures that bad ones get as an answer."""

from __future__ import annotations

import io
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.errors import BadInput
from core.models.networks.images import decode_image, fit_pixels, read_image_folder, read_pixel_table
from core.models.networks.tabular import encode, learn_columns
from core.models.networks.words import UNKNOWN, Vocabulary, pieces


def words(text: str, chinese: Any = "characters") -> list[str]:
    return [piece.word for piece in pieces(text, chinese)]


def test_pieces_of_a_text() -> None:
    assert words("It's GOOD, isn't it?") == ["it", "'s", "good", ",", "is", "n't", "it", "?"]
    assert words("Don’t") == ["do", "n't"]
    assert words("房间很好！5星") == ["房", "间", "很", "好", "!", "5", "星"]
    assert words("房间很好", "words") == ["房间", "很", "好"]
    assert words("ＡＢＣ") == ["abc"]
    assert words("") == []


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(["characters", "words"]))
def test_pieces_stand_where_they_say(text: str, chinese: Any) -> None:
    found = pieces(text, chinese)
    assert all(0 <= one.start < one.end <= len(text) for one in found)
    assert all(left.end <= right.start for left, right in pairwise(found))
    covered = {at for one in found for at in range(one.start, one.end)}
    assert all(character.isspace() for at, character in enumerate(text) if at not in covered)


def test_a_vocabulary_keeps_what_was_seen_often_enough() -> None:
    vocabulary = Vocabulary.learn(["a a b", "a b c"], chinese="characters", maximum=10, least=2)
    assert vocabulary.words == ("a", "b")
    assert len(vocabulary) == 4
    assert vocabulary.encode("c B a") == [UNKNOWN, 3, 2]
    assert vocabulary.encode("") == [UNKNOWN]
    assert len(vocabulary.encode("a " * 50)) == 10


ROWS = [
    {"age": "30", "sum": 1.0, "city": "Ulm", "code": 1},
    {"age": "", "sum": 10.0, "city": "Jena", "code": 2},
    {"age": "50", "sum": 100.0, "city": "Ulm", "code": 1},
    {"age": "?", "sum": 90000.0, "city": "Jena", "code": 2},
]


def test_columns_are_learnt_from_training_rows() -> None:
    columns, constant = learn_columns(ROWS, ["age", "sum", "city", "code"], {"code": "category"})
    age, total, city, code = columns
    assert (age.kind, age.indicator, age.mean) == ("number", True, 40.0)
    assert (total.logarithm, total.indicator) == (False, False)
    assert city.levels == ("Jena", "Ulm")
    assert code.levels == ("1", "2")
    assert constant == ()
    table = encode(columns, ROWS)
    assert table.numbers.shape == (4, 2 + 1 + 3 + 3)
    assert table.numbers[:, 0].tolist() == [-1, 0, 1, 0]
    assert table.numbers[:, 1].tolist() == [0, 1, 0, 1]
    assert table.numbers[0, 3:6].tolist() == [0, 0, 1]


def test_a_skewed_column_is_read_by_its_logarithm() -> None:
    rows = [{"sum": 10.0 ** (n % 5)} for n in range(50)] + [{"sum": 1e7}]
    (column,), _ = learn_columns(rows, ["sum"], {})
    assert column.logarithm
    assert abs(encode([column], rows).numbers).max() < 4


def test_numbers_far_outside_are_held_back_and_new_levels_are_their_own() -> None:
    columns, _ = learn_columns(ROWS, ["age", "city"], {})
    table = encode(columns, [{"age": 10**12, "city": "Bonn"}])
    assert table.numbers[0].tolist() == [8, 0, 1, 0, 0]


def test_constant_and_empty_columns_are_left_out() -> None:
    rows = [{"a": 1, "b": "x", "c": None, "d": n} for n in range(4)]
    columns, constant = learn_columns(rows, list("abcd"), {})
    assert [column.name for column in columns] == ["d"]
    assert constant == ("a", "b", "c")


def test_many_levels_are_embedded() -> None:
    rows = [{"city": f"c{n % 30}"} for n in range(90)]
    (column,), _ = learn_columns(rows, ["city"], {})
    assert column.embedded
    table = encode([column], [*rows, {"city": "new"}])
    assert table.numbers.shape == (91, 0)
    assert len(set(table.ids[:, 0].tolist())) == 31


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6), st.just(""), st.just("nan")), min_size=1, max_size=20))
def test_encoded_numbers_are_finite(values: list[Any]) -> None:
    rows = [{"x": value, "y": n} for n, value in enumerate([*values, 0.0, 1.0])]
    columns, _ = learn_columns(rows, ["x", "y"], {"x": "number"})
    assert np.isfinite(encode(columns, rows).numbers).all()


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"age": "old", "city": "Ulm"}, "not_a_number"),
        ({"age": math.inf, "city": "Ulm"}, "not_finite"),
        ({"city": "Ulm"}, "column_missing"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_row_and_column(row: dict[str, Any], code: str) -> None:
    columns, _ = learn_columns(ROWS, ["age", "city"], {})
    with pytest.raises(BadInput) as caught:
        encode(columns, [row])
    assert caught.value.code == f"networks.{code}"
    assert "age" in str(caught.value)
    assert "age" in caught.value.sentence("zh")


def png(size: tuple[int, int], colour: Any, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, "PNG")
    return out.getvalue()


def test_pictures_are_decoded_to_size_and_channels() -> None:
    assert decode_image(png((10, 20), (255, 0, 0)), "a.png", 8, 3)[0, 0].tolist() == [255, 0, 0]
    assert decode_image(png((10, 20), (255, 0, 0)), "a.png", 8, 1).shape == (8, 8, 1)
    assert decode_image(png((4, 4), (0, 0, 0, 0), "RGBA"), "a.png", 4, 1).min() == 255


@pytest.mark.parametrize("content", [b"", b"no picture", png((50, 50), 0)[:60], b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_what_is_no_picture_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(BadInput, match=r"broken\.png"):
        decode_image(content, "broken.png", 8, 1)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BadInput, match="8000 x 8000"):
        decode_image(png((8000, 8000), 0, "1"), "bomb.png", 8, 1)


def test_grey_as_pillow_has_it() -> None:
    generator = np.random.default_rng(0)
    colour = generator.integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(colour[0]).convert("L"))
    assert np.abs(fit_pixels(colour, 16, 1)[0, ..., 0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "bad", [np.zeros((3, 4)), np.zeros((2, 4, 4, 2)), np.full((1, 4, 4), 300.0), np.full((1, 4, 4), np.nan)]
)
def test_arrays_that_are_no_pictures_are_refused(bad: Any) -> None:
    with pytest.raises(BadInput):
        fit_pixels(bad, 4, 1)


def test_a_table_of_pixels(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    header = ",".join(["label", *(f"p{n}" for n in range(16))])
    path.write_text(f"{header}\n7,{','.join(map(str, range(16)))}\n1,{','.join(['255'] * 16)}\n", encoding="utf-8")
    pixels, labels = read_pixel_table(path)
    assert labels == ["7", "1"]
    assert pixels.shape == (2, 4, 4, 1)
    assert pixels[0, 1, 0, 0] == 4


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "column_missing"),
        ("digit,a,b,c,d\n", "column_missing"),
        ("label,a,b,c\n1,2,3,4\n", "pixel_columns"),
        ("label,a,b,c,d\n", "no_rows"),
        ("label,a,b,c,d\n1,2,3\n", "pixel_row"),
        ("label,a,b,c,d\n1,2,x,4,5\n", "pixel_text"),
        ("label,a,b,c,d\n1,2,300,4,5\n", "pixel_range"),
    ],
)
def test_bad_tables_of_pixels(text: str, code: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_pixel_table(path)
    assert caught.value.code == f"networks.{code}"


def test_a_folder_of_pictures(tmp_path: Path) -> None:
    for label, colour in (("cat", 10), ("dog", 200)):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(png((6, 6), colour, "L"))
    pixels, labels = read_image_folder(tmp_path, 6, 1)
    assert labels == ["cat", "dog"]
    assert [int(picture[0, 0, 0]) for picture in pixels] == [10, 200]
    with pytest.raises(BadInput, match="no pictures"):
        read_image_folder(tmp_path / "cat", 6, 1)
