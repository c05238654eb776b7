"""From a file to a catalogue: which column is what, rows checked and counted, and what can be used stored.

The same checks run for a page, the command line and the demo: :mod:`core.recommend.cleaning` counts whatever is amiss
and nothing is left out without being counted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, insert, select

from core.access.actor import Actor, Permission
from core.db.recommend_tables import ID, CatalogueItem, CatalogueVersion, Interaction, RecommendCatalogue
from core.db.tables import Job, utc_now
from core.db.unit_of_work import Rows
from core.errors import BadInput
from core.jobs.worker import enqueue
from core.recommend.cleaning import CleaningArgs, Columns, clean, clean_items
from core.recommend.data import NO_TIME, UNLIMITED, Finding, Interactions, Item, Items
from core.services.application import Application
from core.services.studio.uploads import options_of, read_stored, store_upload, stored_table
from core.services.studio.views import ColumnView, StoredUpload, UploadPreview
from core.services.views import Upload
from core.training.datasets.tables import ReadOptions, Table, table_rows
from core.training.watch import Quiet, Watch

KIND = "recommend_import"
CHUNK = 5000
FEW = 500  # people that are looked up by name
SHOWN_PROBLEMS = 20
OPTIONS = ("read", "least_value", "keep_bots", "add_unknown")

# Part -> the headings by which it is guessed, the most telling first. A part that must be there stands in NEEDED.
ITEM_PARTS: Mapping[str, str] = {
    "id": "id item_id itemid sku product_id productid movieid asin code 编号 商品编号 商品id 货号",
    "title": "title name title_en product product_name item 标题 名称 商品名 商品名称 片名",
    "title_zh": "title_zh name_zh chinese_title title_cn 中文名 中文名称 中文标题 名称 标题 商品名 商品名称",
    "text": "text description details body summary 描述 简介 详情 正文",
    "category": "category categories genre genres department type 类别 分类 类目",
    "price": "price price_gbp price_usd price_eur price_cny amount 价格 售价 单价",
    "image": "image image_url picture img photo 图片 图片地址 主图",
    "tags": "tags tag keywords labels 标签 关键词",
    "stock": "stock inventory quantity qty available 库存 数量",
    "added": "added added_at created created_at date release_date published 上架时间 上架日期 发布日期",
}
EVENT_PARTS: Mapping[str, str] = {
    "user": "user user_id userid person customer customer_id customerid member visitor uid reviewerid "
    "用户 用户id 用户编号 会员 顾客 客户",
    "item": "item item_id itemid sku product product_id productid movieid asin 商品 商品编号 商品id 货号 物品",
    "time": "time timestamp date datetime at created_at event_time unixreviewtime 时间 日期 时间戳 下单时间",
    "kind": "kind event event_type type action behavior 类型 行为 事件 动作",
    "value": "value rating score stars amount quantity 评分 打分 数值 金额",
}  # fmt: skip
PARTS = {"items": ITEM_PARTS, "interactions": EVENT_PARTS}
NEEDED = {"items": ("id",), "interactions": ("user", "item")}


# Writes what was checked; how many rows were added and updated, and what was found on the way.
Store = Callable[[Rows, RecommendCatalogue], tuple[int, int, tuple[Finding, ...]]]


@dataclass(frozen=True, slots=True)
class Imported:
    """What one import did; ``findings`` say what was left out and why."""

    number: int
    read: int
    added: int
    updated: int
    findings: tuple[Finding, ...]


def preview_file(
    app: Application, actor: Actor, upload: Upload | StoredUpload, *, read: Mapping[str, Any] | None = None
) -> UploadPreview:
    """Reads the file and guesses its columns, for "items" and "interactions". Stores nothing but the file by its hash.

    ``read``: fields of ``core.training.datasets.tables.ReadOptions`` that the person corrects. Raises BadInput.
    """
    actor.require(Permission.RECOMMEND)
    stored = store_upload(app, upload)
    table = read_stored(app, stored, options_of(ReadOptions, read or {}), Quiet())
    return UploadPreview(
        file=stored,
        format=table.format,
        encoding=table.encoding,
        rows=table.rows,
        columns=tuple(ColumnView(c.name, c.kind, c.filled, c.distinct, c.examples) for c in table.columns),
        head=tuple(dict(zip(table.names, row, strict=True)) for row in table.preview),
        guesses={part: guess_columns(table.names, part) for part in PARTS},
        sheets=table.sheet.sheets if table.sheet else (),
        problems=tuple(
            {"code": f"data.{error.code}", "values": {"line": error.line, **error.values}}
            for error in table.errors[:SHOWN_PROBLEMS]
        ),
        bad_rows=sum(table.error_counts.values()),
    )


def guess_columns(names: Sequence[str], part: str) -> dict[str, str]:
    """Part -> column, by the words that headings commonly bear. A column plays one part."""
    plain = {name.strip().lower().replace(" ", "_"): name for name in reversed(names)}
    found: dict[str, str] = {}
    for one, words in PARTS[part].items():
        column = next((plain[word] for word in words.split() if word in plain), None)
        if column is not None and column not in found.values():
            found[one] = column
    return found


def start_import(
    app: Application,
    actor: Actor,
    catalogue_id: int,
    part: str,
    upload: Upload | StoredUpload,
    mapping: Mapping[str, str],
    options: Mapping[str, Any] | None = None,
) -> int:
    """Queues the import of ``part`` ("items" or "interactions"); the job's id.

    ``mapping``: part of a row -> column. ``options``: ``read`` (fields of ReadOptions), ``least_value`` (an event with
    a smaller value was seen, not liked), ``keep_bots``, ``add_unknown`` (what only events name becomes an item).
    Raises BadInput for a mapping that lacks a column, NotFound.
    """
    actor.require(Permission.RECOMMEND)
    kept = checked(part, mapping, options or {})
    stored = store_upload(app, upload)
    arguments = {
        "catalogue_id": catalogue_id,
        "part": part,
        "file": {"sha256": stored.sha256, "name": stored.name, "size": stored.size},
        "mapping": kept,
        "options": dict(options or {}),
    }
    with app.database.write(actor.workspace_id) as rows:
        rows.get(RecommendCatalogue, catalogue_id)
        job_id = rows.add(Job(kind=KIND, arguments=arguments)).id
    enqueue(app.database, app.queue, actor.workspace_id, job_id)
    return job_id


def checked(part: str, mapping: Mapping[str, str], options: Mapping[str, Any]) -> dict[str, str]:
    """The mapping without empty parts. Raises BadInput."""
    if part not in PARTS:
        raise BadInput("recommend.part_unknown", part=part, known=", ".join(PARTS))
    for name in options:
        if name not in OPTIONS:
            raise BadInput("studio.option_unknown", name=name, known=", ".join(OPTIONS))
    kept = {name: str(column) for name, column in mapping.items() if column}
    for name in kept:
        if name not in PARTS[part]:
            raise BadInput("studio.option_unknown", name=name, known=", ".join(PARTS[part]))
    for name in NEEDED[part]:
        if name not in kept:
            raise BadInput("recommend.column_missing", part=name)
    return kept


def import_file(
    app: Application, workspace_id: int, catalogue_id: int, part: str, stored: StoredUpload,
    mapping: Mapping[str, str], options: Mapping[str, Any], watch: Watch,
) -> Imported:  # fmt: skip
    """Reads, checks and stores; all or nothing. Raises BadInput, NotFound and what ``watch`` raises."""
    with stored_table(app, stored, options_of(ReadOptions, options.get("read") or {}), watch) as table:
        columns = _cells(table, mapping, watch)
    watch.step("check", 0, table.rows)
    store = check_items(columns) if part == "items" else check_events(app, workspace_id, catalogue_id, columns, options)
    watch.step("store", 0, table.rows)
    # Nothing is told to the watch from here on: it writes its progress, and we hold the only write lock.
    kept = {"columns": dict(mapping), "options": dict(options)}
    unreadable = sum(table.error_counts.values())
    return store_checked(app, workspace_id, catalogue_id, part, store, table.rows, stored, kept, unreadable)


def store_checked(
    app: Application, workspace_id: int, catalogue_id: int, part: str, store: Store, read: int, stored: StoredUpload,
    mapping: Mapping[str, Any], unreadable: int = 0,
) -> Imported:  # fmt: skip
    """Writes what was checked as the catalogue's next version, all or nothing. Raises NotFound."""
    with app.database.write(workspace_id) as rows:
        catalogue = rows.get(RecommendCatalogue, catalogue_id)
        number = rows.session.scalar(
            select(func.max(CatalogueVersion.number)).where(CatalogueVersion.catalogue_id == catalogue_id)
        )
        made = store(rows, catalogue)
        done = Imported((number or 0) + 1, read, *made)
        rows.add(
            CatalogueVersion(
                catalogue_id=catalogue_id,
                number=done.number,
                part=part,
                source=stored.name[:400],
                file_sha256=stored.sha256,
                mapping=dict(mapping),
                counts=counts_of(done, unreadable),
                last_interaction_id=newest_interaction(rows, catalogue_id),
            )
        )
    return done


def counts_of(done: Imported, unreadable: int = 0) -> dict[str, Any]:
    findings = [
        {"code": one.code, "count": one.count, "examples": list(one.examples), "values": dict(one.values)}
        for one in done.findings
    ]
    if unreadable:
        findings.insert(0, {"code": "unreadable_row", "count": unreadable, "examples": [], "values": {}})
    return {"read": done.read, "added": done.added, "updated": done.updated, "findings": findings}


def newest_interaction(rows: Rows, catalogue_id: int) -> int:
    where = [Interaction.catalogue_id == catalogue_id]
    return int(rows.session.scalar(rows.columns(Interaction, func.max(Interaction.id), where=where)) or 0)


def _cells(table: Table, mapping: Mapping[str, str], watch: Watch) -> dict[str, list[str]]:
    """Part -> its cells. Raises BadInput for a column that is not in the file."""
    names = list(table.names)
    for part, column in mapping.items():
        if column not in names:
            raise BadInput("recommend.column_gone", part=part, column=column, names=", ".join(names[:20]))
    places = {part: names.index(column) for part, column in mapping.items()}
    cells: dict[str, list[str]] = {part: [] for part in mapping}
    for count, (_, row) in enumerate(table_rows(table)):
        for part, place in places.items():
            cells[part].append(row[place])
        if count % CHUNK == 0:
            watch.step("read", count, table.rows)
    return cells


# --- items ---


def check_items(columns: Mapping[str, list[str]], given: Mapping[str, Collection[str]] | None = None) -> Store:
    """Items of columns of cells. ``given``: id -> the parts that its row has a value for, where rows differ in that."""
    raw = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    items, findings = clean_items(raw)
    chinese = {str(row.get("id", "")).strip(): str(row.get("title_zh", "")).strip() for row in raw}
    long = [one.id for one in items.rows if len(one.id) > ID]
    if long:
        findings = (*findings, Finding("id_too_long", len(long), tuple(code[:60] for code in long[:3]), {"limit": ID}))
    kept = [one for one in items.rows if len(one.id) <= ID]

    def store(rows: Rows, catalogue: RecommendCatalogue) -> tuple[int, int, tuple[Finding, ...]]:
        mine = CatalogueItem.catalogue_id == catalogue.id
        known = {row.code: row for row in rows.all(rows.select(CatalogueItem, mine))}
        for item in kept:
            row = known.get(item.id)
            if row is None:
                row = CatalogueItem(catalogue_id=catalogue.id, code=item.id, workspace_id=rows.workspace_id)
                rows.session.add(row)
            _fill(row, item, chinese.get(item.id, ""), (given or {}).get(item.id, columns))
        catalogue.items_changed_at = utc_now()
        added = sum(item.id not in known for item in kept)
        return added, len(kept) - added, findings

    return store


def _fill(row: CatalogueItem, item: Item, title_zh: str, columns: Collection[str]) -> None:
    """The row as the file says; what the file has no column for stays as it was."""
    row.deleted_at = None
    row.title = item.title if "title" in columns else row.title or title_zh or item.id
    values: dict[str, Any] = {
        "title_zh": title_zh,
        "text": item.text,
        "category": item.category[:200],
        "price": item.price,
        "image": item.image[:1000],
        "tags": list(item.tags),
        "stock": None if item.stock == UNLIMITED else item.stock,
        "added": None,
    }
    for name, value in values.items():
        if name in columns and name != "added":
            setattr(row, name, value)
    if "added" in columns and item.added != NO_TIME:
        row.added_at = datetime.fromtimestamp(item.added, UTC)


# --- interactions ---


def check_events(
    app: Application, workspace_id: int, catalogue_id: int, columns: Mapping[str, list[str]], options: Mapping[str, Any]
) -> Store:
    """Events of columns of cells; ``options`` as in :func:`start_import`."""
    with app.database.read(workspace_id) as rows:
        codes = list(rows.session.scalars(_codes(rows, catalogue_id)))
    add_unknown = bool(options.get("add_unknown", not codes))
    if add_unknown:
        named = (code for cell in columns["item"] if 0 < len(code := cell.strip()) <= ID)
        codes = list(dict.fromkeys([*codes, *named]))
    least = options.get("least_value")
    args = CleaningArgs(
        now=int(utc_now().timestamp()),
        least_value=None if least is None else float(least),
        drop_bots=not options.get("keep_bots", False),
    )
    given = Columns(
        users=columns["user"],
        items=columns["item"],
        times=columns.get("time", ()),
        kinds=columns.get("kind", ()),
        values=columns.get("value", ()),
    )
    data, _, report = clean(given, Items.named(codes), args)

    def store(rows: Rows, catalogue: RecommendCatalogue) -> tuple[int, int, tuple[Finding, ...]]:
        if add_unknown:
            _add_named(rows, catalogue, data)
        added, again, long = _insert(rows, catalogue.id, data)
        findings = [*report.findings]
        findings += [Finding("known_already", again)] if again else []
        findings += [Finding("id_too_long", long, values={"limit": ID})] if long else []
        return added, 0, tuple(findings)

    return store


def _codes(rows: Rows, catalogue_id: int) -> Any:
    return rows.columns(CatalogueItem, CatalogueItem.code, where=[CatalogueItem.catalogue_id == catalogue_id])


def _add_named(rows: Rows, catalogue: RecommendCatalogue, data: Interactions) -> None:
    """Items of which nothing but their id is known."""
    known = set(rows.session.scalars(_codes(rows, catalogue.id)))
    used = dict.fromkeys(data.item_ids[number] for number in data.items.tolist())
    new = [code for code in used if code not in known]
    rows.add_all([CatalogueItem(catalogue_id=catalogue.id, code=code, title=code) for code in new])
    if new:
        catalogue.items_changed_at = utc_now()


def _insert(rows: Rows, catalogue_id: int, data: Interactions) -> tuple[int, int, int]:
    """Stores events, the oldest first: how many were new, known already, and of people with too long an id."""
    people = [data.user_ids[number] for number in sorted(set(data.users.tolist()))]
    known = _known_events(rows, catalogue_id, people)
    added = again = long = 0
    batch: list[dict[str, Any]] = []
    for place in data.times.argsort(kind="stable").tolist():
        event = _event(data, place)
        if len(event["person"]) > ID:
            long += 1
        elif _key(event) in known:
            again += 1
        else:
            batch.append({**event, "catalogue_id": catalogue_id, "workspace_id": rows.workspace_id})
        if len(batch) == CHUNK:
            added += _flush(rows, batch)
    return added + _flush(rows, batch), again, long


def _flush(rows: Rows, batch: list[dict[str, Any]]) -> int:
    if batch:
        rows.session.execute(insert(Interaction), batch)
    count = len(batch)
    batch.clear()
    return count


def _event(data: Interactions, place: int) -> dict[str, Any]:
    seconds = int(data.times[place])
    return {
        "person": data.user_ids[int(data.users[place])],
        "item": data.item_ids[int(data.items[place])],
        "kind": data.kind_names[int(data.kinds[place])][:40],
        "value": float(data.weights[place]),
        "at": None if seconds == NO_TIME else datetime.fromtimestamp(seconds, UTC),
    }


def _key(event: Mapping[str, Any]) -> tuple[Any, ...]:
    return event["person"], event["item"], event["kind"], event["at"]


def _known_events(rows: Rows, catalogue_id: int, people: Sequence[str]) -> set[tuple[Any, ...]]:
    """Those of a few people are looked up by name; for many all are read."""
    columns = Interaction.person, Interaction.item, Interaction.kind, Interaction.at
    where = [Interaction.catalogue_id == catalogue_id]
    where += [Interaction.person.in_(people)] if len(people) <= FEW else []
    found: Iterable[Any] = rows.session.execute(rows.columns(Interaction, *columns, where=where))
    return {tuple(row) for row in found}
