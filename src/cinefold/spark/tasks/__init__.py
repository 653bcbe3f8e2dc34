"""What executors do: functions of Arrow data, over whole blocks of rows at a time."""

from cinefold.spark.tasks.half_steps import HalfStep, mapped_items
from cinefold.spark.tasks.packing import (
    ROUTE,
    ROUTES,
    ROW,
    TOTAL,
    Deviation,
    Extraction,
    Packing,
    Routing,
    gathered_routes,
    longest_rows,
)
from cinefold.spark.tasks.ranking import LISTS, NDCG, ItemLists, ndcg_of_lists
from cinefold.spark.tasks.records import BLOCK, MESSAGE, RESULT, array_of, record_of
from cinefold.spark.tasks.stored import Fixing, RandomRows, Sending

__all__ = [
    "BLOCK",
    "LISTS",
    "MESSAGE",
    "NDCG",
    "RESULT",
    "ROUTE",
    "ROUTES",
    "ROW",
    "TOTAL",
    "Deviation",
    "Extraction",
    "Fixing",
    "HalfStep",
    "ItemLists",
    "Packing",
    "RandomRows",
    "Routing",
    "Sending",
    "array_of",
    "gathered_routes",
    "longest_rows",
    "mapped_items",
    "ndcg_of_lists",
    "record_of",
]
