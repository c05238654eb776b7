"""The lines that a PDF page draws: rules and frames of tables, as strokes, as thin filled boxes, as shaded cells."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from core.documents.ruled import Line

MOST_OBJECTS = 4000  # paths on a page that are looked at; a drawing has more
_MOST_POINTS = 400  # of one path
_DEEPEST = 3  # forms inside forms
_THIN = 2.6  # points: a filled box so thin is a line
_SKEW = 1.0  # points by which a straight line may be off

Box = tuple[float, float, float, float]
Matrix = tuple[float, float, float, float, float, float]
_IDENTITY: Matrix = (1, 0, 0, 1, 0, 0)


def page_lines(page: Any, upright: Callable[[float, float, float, float], Box]) -> list[Line]:
    """Horizontal and vertical lines of ``page``; ``upright`` turns a box of page space into what a reader sees.

    Call it under PDFIUM_LOCK. [] for a page that draws far more than a table would.
    """
    import pypdfium2.raw as api

    lines: list[Line] = []
    for count, (item, matrix) in enumerate(_objects(api, page.raw, _IDENTITY, 0)):
        if count == MOST_OBJECTS:
            return []
        for left, bottom, right, top in _boxes(api, item, matrix):
            lines.extend(_as_lines(*upright(left, bottom, right, top)))
    return lines


def _objects(api: Any, holder: Any, outer: Matrix, depth: int) -> Iterator[tuple[Any, Matrix]]:
    """Paths with the matrix that brings them into page space."""
    inside = depth > 0
    count = api.FPDFFormObj_CountObjects(holder) if inside else api.FPDFPage_CountObjects(holder)
    for index in range(max(0, count)):
        item = api.FPDFFormObj_GetObject(holder, index) if inside else api.FPDFPage_GetObject(holder, index)
        kind = api.FPDFPageObj_GetType(item)
        if kind == api.FPDF_PAGEOBJ_PATH:
            yield item, _times(_matrix(api, item), outer)
        elif kind == api.FPDF_PAGEOBJ_FORM and depth < _DEEPEST:
            yield from _objects(api, item, _times(_matrix(api, item), outer), depth + 1)


def _matrix(api: Any, item: Any) -> Matrix:
    found = api.FS_MATRIX()
    if not api.FPDFPageObj_GetMatrix(item, found):
        return _IDENTITY
    return (found.a, found.b, found.c, found.d, found.e, found.f)


def _times(one: Matrix, other: Matrix) -> Matrix:
    """First ``one``, then ``other``."""
    a, b, c, d, e, f = one
    p, q, r, s, t, u = other
    return (a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u)


def _boxes(api: Any, item: Any, matrix: Matrix) -> Iterator[Box]:
    """Left, bottom, right, top of each straight stroke, and of each filled box, in page space."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    api.FPDFPath_GetDrawMode(item, fill, stroke)
    if not fill.value and not stroke.value:
        return
    for points in _outlines(api, item, matrix):
        if stroke.value:
            for (x0, y0), (x1, y1) in pairwise(points):
                if abs(x0 - x1) <= _SKEW or abs(y0 - y1) <= _SKEW:
                    yield min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        elif len(points) in (4, 5):
            xs, ys = [x for x, _ in points], [y for _, y in points]
            if len(set(map(round, xs))) <= 2 and len(set(map(round, ys))) <= 2:
                yield min(xs), min(ys), max(xs), max(ys)


def _outlines(api: Any, item: Any, matrix: Matrix) -> Iterator[list[tuple[float, float]]]:
    """Points of each part of a path that consists of straight lines; closed parts end where they began."""
    a, b, c, d, e, f = matrix
    points: list[tuple[float, float]] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    count = api.FPDFPath_CountSegments(item)
    if count > _MOST_POINTS:
        return
    for index in range(max(0, count)):
        part = api.FPDFPath_GetPathSegment(item, index)
        kind = api.FPDFPathSegment_GetType(part)
        if kind == api.FPDF_SEGMENT_BEZIERTO or not api.FPDFPathSegment_GetPoint(part, x, y):
            return
        if kind == api.FPDF_SEGMENT_MOVETO and points:
            yield points
            points = []
        points.append((a * x.value + c * y.value + e, b * x.value + d * y.value + f))
        if api.FPDFPathSegment_GetClose(part) and points[0] != points[-1]:
            points.append(points[0])
    if len(points) > 1:
        yield points


def _as_lines(left: float, top: float, right: float, bottom: float) -> Iterator[Line]:
    """A thin box is a line, a wider one its four edges."""
    width, height = right - left, bottom - top
    if height <= _THIN and width <= _THIN:
        return
    if height <= _THIN:
        yield Line(True, (top + bottom) / 2, left, right)
    elif width <= _THIN:
        yield Line(False, (left + right) / 2, top, bottom)
    else:
        yield Line(True, top, left, right)
        yield Line(True, bottom, left, right)
        yield Line(False, left, top, bottom)
        yield Line(False, right, top, bottom)
