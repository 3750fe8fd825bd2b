"""Conditions on JSON columns, in the words of either database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, func

from graphwarden.worker.encoding import dumps_for_database


def make_holds(
    dialect: str, column: Column[Any], wanted: Mapping[str, Any]
) -> list[ColumnElement[bool]]:
    """Whether the JSON object of a column holds these values at these keys."""
    if dialect == "postgresql":
        return [column.op("@>")(dict(wanted))] if wanted else []
    conditions: list[ColumnElement[bool]] = []
    for key, value in wanted.items():
        path = '$."' + key.replace('"', "") + '"'
        found: ColumnElement[Any] = func.json_extract(column, path)
        if isinstance(value, dict | list):
            conditions.append(found == func.json(dumps_for_database(value)))
        elif value is None:
            conditions.append(func.json_type(column, path) == "null")
        else:
            conditions.append(found == value)
    return conditions
