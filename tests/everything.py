"""All that a database holds, as one text: for tests of what must not be in it."""

from __future__ import annotations

from sqlalchemy import Engine, MetaData, select


def everything(engine: Engine) -> str:
    """Every row of every table as it is stored, on whatever database."""
    tables = MetaData()
    tables.reflect(engine)
    with engine.connect() as connection:
        rows = [str(tuple(row)) for table in tables.sorted_tables for row in connection.execute(select(table))]
    return "\n".join(rows)
