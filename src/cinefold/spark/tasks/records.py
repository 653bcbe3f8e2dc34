"""Records of blocks and of results, and the arrays in them.

A *block* is a range of rows of one side with their ratings, as compressed sparse rows in binary
columns, one record for each block. Its columns are rows of the other side, or, where that side is
stored on the cluster, places in `needed`, the rows that the block needs of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


BLOCK = (
    "key long, first long, n_rows int, offsets binary, columns binary, ratings binary, "
    "weights binary, held_offsets binary, held_columns binary, held_ratings binary, "
    "needed binary, n_ratings long, n_held_out long, n_duplicates long, rating double, "
    "confidence double, target double, lengths binary, sampled binary, sampled_lengths binary, "
    "sampled_columns binary, sampled_ratings binary, sampled_weights binary"
)
FOUND = (
    "first long, losses binary, singular_row long, n_pairs long, held_weight double, "
    "squared_error double, n_measured long, ndcg double, nodes binary, grams binary, "
    "weighted_grams binary, norms binary, sample binary"
)
RESULT = f"key long, factors binary, counts binary, roots binary, {FOUND}"
MESSAGE = "key long, first long, rows binary, baseline binary"


def array_of(record: pa.RecordBatch | pa.Table, name: str, dtype: Any, row: int = 0) -> Any:
    """A binary value as an array, without a copy; None for a null."""
    buffer = record.column(name)[row].as_buffer()
    return None if buffer is None else np.frombuffer(buffer, dtype)


def arrays_of(table: pa.Table, name: str, dtype: Any) -> list[NDArray[Any]]:
    """Those of all records that have one."""
    every = (array_of(table, name, dtype, at) for at in range(table.num_rows))
    return [array for array in every if array is not None]


def joined(table: pa.Table, name: str, dtype: Any) -> NDArray[Any]:
    """The arrays of all records, one after the other."""
    return np.concatenate([np.zeros(0, dtype), *arrays_of(table, name, dtype)])


def record_of(schema: str, **values: Any) -> pa.RecordBatch:
    """One record; arrays become binary, and what is not given null."""
    kinds = {"long": pa.int64(), "int": pa.int32(), "double": pa.float64(), "binary": pa.binary()}
    columns = {}
    for column in schema.split(", "):
        name, kind = column.split()
        value = values.get(name)
        if isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value).reshape(-1).view(np.uint8).data
        columns[name] = pa.array([value], kinds[kind])
    return pa.RecordBatch.from_pydict(columns)


def id_array(ids: pa.ChunkedArray) -> NDArray[Any]:
    """A column of integers or strings."""
    return np.asarray(ids.to_pylist() if pa.types.is_string(ids.type) else ids.to_numpy())


class RecordMapper:
    """A function for mapInArrow: what `of` makes of each record."""

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for at in range(batch.num_rows):
                yield from self.of(batch.slice(at, 1))

    def of(self, record: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError
