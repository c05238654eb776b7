"""Reading rows: every format gives back what was written, and every broken row is named by its line."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import BadInput, DocumentError
from core.training.datasets import tables as tables_module
from core.training.datasets.tables import ReadOptions, Table, read_table, table_rows
from core.training.watch import Quiet

QUIET = Quiet(1e9)
# Cells as they come in files: any text without the characters that a text encoding or the line structure eats.
CELL = st.text(
    st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters="\ufffd\ufeff\x85"), max_size=12
)
MANY_LINES = CELL.map(lambda cell: cell + "\n,\t\"'" + cell)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(path: Path, **options: Any) -> tuple[Table, list[tuple[int, tuple[str, ...]]]]:
    table = read_table(path, path.name, ReadOptions(**options), QUIET)
    return table, [(line, tuple(cells)) for line, cells in table_rows(table)]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


# --- round trips --------------------------------------------------------------------------------------------


@SOME
@given(st.lists(st.tuples(CELL | MANY_LINES, CELL), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_csv_gives_back_what_was_written(tmp_path: Path, rows: list[tuple[str, str]], delimiter: str) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("text", "label"), *rows])
    path = written(tmp_path / "rows.csv", buffer.getvalue())
    kept = [row for row in rows if any(cell.strip() for cell in row)]
    if not kept:
        with pytest.raises(BadInput):
            read(path, delimiter=delimiter, header=True)
        return
    table, found = read(path, delimiter=delimiter, header=True)
    assert table.names == ("text", "label")
    assert [cells for _, cells in found] == kept
    assert table.rows == len(kept)
    assert table.error_counts == {}


@SOME
@given(st.lists(st.dictionaries(st.sampled_from("abcd"), CELL, min_size=1), min_size=1, max_size=8))
def test_json_lines_give_back_what_was_written(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    path = written(tmp_path / "rows.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    table, found = read(path)
    assert set(table.names) == {key for row in rows for key in row}
    assert [cells for _, cells in found] == [tuple(row.get(name, "") for name in table.names) for row in rows]
    assert [line for line, _ in found] == list(range(1, len(rows) + 1))
    for column in table.columns:
        values = [row.get(column.name, "") for row in rows]
        assert column.empty == sum(not value.strip() for value in values)


@SOME
@given(st.lists(CELL.filter(lambda cell: bool(cell.strip()) and "\t" not in cell), min_size=1, max_size=8))
def test_plain_text_gives_a_row_a_line(tmp_path: Path, lines: list[str]) -> None:
    _, found = read(written(tmp_path / "rows.txt", "\n\n".join(lines)))
    assert found == [(2 * number + 1, (line,)) for number, line in enumerate(lines)]


def test_xlsx_gives_back_what_was_written(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [
        ["text", "price", "when", "ok"],
        ["你好", 1.25, "2024-01-02", True],
        [None] * 4,
        ["x\ny", 3, None, False],
    ]:
        sheet.append(row)
    book.create_sheet("other").append(["one", "two"])
    book.save(tmp_path / "rows.xlsx")
    table, found = read(tmp_path / "rows.xlsx")
    assert found == [(2, ("你好", "1.25", "2024-01-02", "true")), (4, ("x\ny", "3", "", "false"))]
    assert table.sheet is not None
    assert table.sheet.sheets == ("Sheet", "other")
    with pytest.raises(BadInput, match="no sheet named nowhere"):
        read(tmp_path / "rows.xlsx", sheet="nowhere")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "big5"])
def test_encodings_are_found_out(tmp_path: Path, encoding: str) -> None:
    texts = (
        ["這個產品的質量不錯，我們都很喜歡", "客服回覆太慢了，希望改進"]
        if encoding == "big5"
        else ["这个产品质量不错", "客服回复太慢了，希望改进"]
    )
    body = "text,label\n" + "".join(f"{text},{number}\n" for number, text in enumerate(texts * 20))
    table, found = read(written(tmp_path / "rows.csv", body, encoding))
    assert [cells[0] for _, cells in found] == texts * 20
    assert table.names == ("text", "label")


# --- what the columns are -----------------------------------------------------------------------------------


def test_columns_are_told_from_their_cells(tmp_path: Path) -> None:
    head = "id,score,label,when,ok,comment,nothing,broken"
    body = [
        f"{n},{n / 7:.3f},{'ab'[n % 2]},2024-01-{n % 28 + 1:02d},{'yes' if n % 2 else 'no'},comment number {n},,"
        + ("NA" if n == 3 else "inf" if n == 4 else "x1" if n == 5 else str(n))
        for n in range(200)
    ]
    table, _ = read(written(tmp_path / "rows.csv", "\n".join([head, *body])))
    kinds = {column.name: column.kind for column in table.columns}
    assert kinds == {
        "id": "integer", "score": "number", "label": "category", "when": "date", "ok": "boolean", "comment": "text",
        "nothing": "empty", "broken": "number",
    }  # fmt: skip
    by_name = {column.name: column for column in table.columns}
    assert (by_name["id"].low, by_name["id"].high) == (0, 199)
    assert by_name["label"].distinct == 2
    assert (by_name["broken"].missing, by_name["broken"].odd) == (1, 2)
    assert (by_name["nothing"].empty, by_name["nothing"].filled) == (200, 0)


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("text,label\ngood,1\nbad,0\n", True),
        ("positive\tgood food\nnegative\tbad food\npositive\tfine\n", False),
        ("5.1,3.5,a\n4.9,3.0,b\n", False),
        ("1x1,1x2,label\n0,255,3\n12,0,4\n", True),
    ],
)
def test_a_header_is_told_from_data(tmp_path: Path, text: str, header: bool) -> None:
    table, found = read(written(tmp_path / "rows.csv", text))
    assert len(found) == text.count("\n") - header
    assert (table.names[0] == text.replace("\t", ",").split(",")[0]) is header


def test_names_are_made_unique(tmp_path: Path) -> None:
    table, _ = read(written(tmp_path / "rows.csv", "a,a,,b\n1,2,3,4\n"), header=True)
    assert table.names == ("a", "a_2", "column_3", "b")


def test_tab_separated_quotes_are_only_characters(tmp_path: Path) -> None:
    text = 'text\tlabel\n"what a film\t1\nhe said "no" twice\t0\n'
    table, found = read(written(tmp_path / "rows.tsv", text))
    assert [cells for _, cells in found] == [('"what a film', "1"), ('he said "no" twice', "0")]
    assert table.error_counts == {}


def test_text_with_tabs_in_every_line_is_a_table(tmp_path: Path) -> None:
    table, found = read(written(tmp_path / "pairs.txt", "one\ttwo\t1\nthree\tfour\t0\n"))
    assert found[0][1] == ("one", "two", "1")
    assert table.format == "csv"
    table, found = read(tmp_path / "pairs.txt", format="text")
    assert found[0][1] == ("one\ttwo\t1",)


def test_blank_lines_part_texts(tmp_path: Path) -> None:
    _, found = read(written(tmp_path / "poems.txt", "\n\nroses are\nred\n\n \nviolets\n"), split="blank")
    assert found == [(3, ("roses are\nred",)), (7, ("violets",))]


def test_one_long_text_comes_in_pieces_that_join_to_it(tmp_path: Path) -> None:
    text = "\n".join(f"line {number}" for number in range(5000))
    _, found = read(written(tmp_path / "play.txt", text), split="whole")
    assert 20 <= len(found) <= 101
    assert "\n".join(cells[0] for _, cells in found) == text
    assert all(text.split("\n")[line - 1] == cells[0].split("\n")[0] for line, cells in found)


# --- broken rows --------------------------------------------------------------------------------------------


def test_broken_rows_are_named_by_their_line(tmp_path: Path) -> None:
    text = 'text,label\nfine,1\ntoo,many,cells\n"two\nlines",0\nfew\n"open quote,1\nnext,0\n"a" b,1\nlast,1\n'
    table, found = read(written(tmp_path / "rows.csv", text))
    assert found == [(2, ("fine", "1")), (4, ("two\nlines", "0")), (8, ("next", "0")), (10, ("last", "1"))]
    assert [(error.line, error.code) for error in table.errors] == [
        (3, "row_cells"), (6, "row_cells"), (7, "row_quote"), (9, "row_quote"),
    ]  # fmt: skip
    assert table.errors[0].sentence() == (
        "Line 3: 3 cells, but the table has 2 columns. Put cells that hold the delimiter in quotation marks."
    )
    assert "第 3 行" in table.errors[0].sentence("zh")


def test_an_open_quote_does_not_swallow_the_file(tmp_path: Path) -> None:
    rows = "".join(f"row number {number} with some words,{number % 2}\n" for number in range(60_000))
    table, found = read(written(tmp_path / "rows.csv", f'text,label\n"open,1\n{rows}'))
    assert len(found) == 60_000
    assert table.error_counts == {"row_quote": 1}


def test_broken_json_lines_are_named(tmp_path: Path) -> None:
    lines = ['{"a": 1}', "{", "[1]", "", '{"a": [1, "x"], "b": null}', "[" * 100_000]
    table, found = read(written(tmp_path / "rows.jsonl", "\n".join(lines)))
    assert found == [(1, ("1", "")), (5, ('[1, "x"]', ""))]
    assert [(error.line, error.code) for error in table.errors] == [(2, "row_json"), (3, "row_object"), (6, "row_json")]


def test_an_array_of_objects_is_read_too(tmp_path: Path) -> None:
    _, found = read(written(tmp_path / "rows.json", ' [{"a": "x"}, 3, {"a": "y"}]'))
    assert found == [(1, ("x",)), (3, ("y",))]
    with pytest.raises(BadInput, match="JSON array"):
        read(written(tmp_path / "cut.json", '[{"a": "x"}, {"a": '))


def test_a_few_broken_bytes_cost_only_their_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    good = "".join(f"这是第{number}条评论,1\n" for number in range(50)).encode()
    path.write_bytes(b"text,label\n" + good + b"bad \xff\xfe byte,0\n" + good)
    table, found = read(path)
    assert table.encoding == "utf-8"
    assert len(found) == 100
    assert [(error.line, error.code) for error in table.errors] == [(52, "row_encoding")]


def test_a_formula_that_failed_is_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["text", "label"], ["good", "a"], ["bad", "#REF!"], ["more", "a", "beyond"]):
        sheet.append(row)
    book.save(tmp_path / "rows.xlsx")
    table, found = read(tmp_path / "rows.xlsx")
    assert [line for line, _ in found] == [2]
    assert [(error.line, error.code) for error in table.errors] == [(3, "row_formula"), (4, "row_cells")]


# --- files that cannot be read ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", "data.empty_file"),
        ("a.xlsx", b"", "data.empty_file"),
        ("a.csv", b"\n \n\n", "data.no_rows"),
        ("a.csv", b"text,label\n", "data.no_rows"),
        ("a.jsonl", b"\n\n", "data.no_rows"),
        ("a.jsonl", b"text,label\ngood,1\n", "data.all_rows_bad"),
        ("a.csv", b"PK\x03\x04" + b"\x00" * 50, "data.not_a_table"),
        ("a.txt", b"%PDF-1.7 ...", "data.not_a_table"),
        ("a.parquet", b"PAR1", "data.format_unknown"),
        ("a", b"text", "data.format_unknown"),
        ("a.xlsx", b"text,label\n", "documents.corrupt"),
        ("a.csv", bytes(range(256)) * 20, "documents.not_text"),
    ],
)
def test_bad_files_end_in_a_sentence(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read(tmp_path / name)
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert len(caught.value.sentence(language)) > 20


def test_an_interrupted_upload_is_noticed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text,label\ngood,1\n")
    with pytest.raises(BadInput, match="Only 18 of 4000 bytes"):
        read(path, expected_bytes=4000)


def test_a_cut_workbook_is_damaged(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["text", "label"])
    book.save(tmp_path / "a.xlsx")
    whole = (tmp_path / "a.xlsx").read_bytes()
    for share in (0.3, 0.7, 0.98):
        (tmp_path / "a.xlsx").write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(DocumentError):
            read(tmp_path / "a.xlsx")


def test_too_many_rows(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", "text\n" + "word\n" * 30)
    with pytest.raises(BadInput, match="more than 29 rows"):
        read(path, max_rows=29, header=True)
    assert read(path, max_rows=30, header=True)[0].rows == 30


def test_cancelling_stops_the_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(Exception):
        pass

    class Stopping(Quiet):
        def check(self) -> None:
            raise Stop

    monkeypatch.setattr(tables_module, "_CHUNK", 5)
    path = written(tmp_path / "a.csv", "text,n\n" + "word,1\n" * 30)
    with pytest.raises(Stop):
        read_table(path, "a.csv", ReadOptions(), Stopping())


def test_chunks_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are the same however many rows are counted at once."""
    generator = random.Random(3)
    rows = [{"a": generator.choice(["1", "2", "x", ""]), **({"late": "v"} if n > 40 else {})} for n in range(97)]
    path = written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, rows)))
    whole = read(path)[0].columns
    monkeypatch.setattr(tables_module, "_CHUNK", 7)
    assert read(path)[0].columns == whole
