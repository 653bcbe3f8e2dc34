"""A fit on a cluster that goes on where the last one was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cinefold.als.backend import FixedSide, empty_factors
from cinefold.als.basis import Basis
from cinefold.als.biased import Constant
from cinefold.als.factors import Factors
from cinefold.models.training_loop import Resumed
from cinefold.spark.checkpoints import paths_of
from cinefold.spark.problem import ClusterProblem
from cinefold.spark.stored_rows import StoredRows, fill, table_of
from cinefold.spark.tasks.records import RESULT

if TYPE_CHECKING:
    from cinefold.als.iterations import Side
    from cinefold.spark.checkpoints import Checkpoints


class ResumableProblem(ClusterProblem):
    """With checkpoints."""

    _checkpoints: Checkpoints | None = None
    _checkpointed: frozenset[str] = frozenset()  # folders of the last one

    def checkpoint(
        self, history: list[dict[str, Any]], factors: Factors, best: Factors | None
    ) -> None:
        """Keep where the fit stands, at the interval; and reuse what nobody needs any more."""
        kept = {"user": factors.users, "item": factors.items, "best": best and best.items}
        if best is not None and best.users is not factors.users:
            kept["best_user"] = best.users
        if self._checkpoints and len(history) % self._interval == 0:
            state = {name: self._kept(one) for name, one in kept.items() if one is not None}
            self._checkpoints.write({"history": history, **self.folders.state, **state})
            self._checkpointed = frozenset(one["path"] for one in state.values())
        self.folders.keep(paths_of(*kept.values()) | self._checkpointed)

    def close(self, factors: Factors) -> None:
        """Nobody goes on with the fit: all that it has stored but `factors` is freed."""
        if self._checkpoints is not None:
            self._checkpoints.clear()
        self.folders.empty_others(paths_of(factors.users, factors.items))

    def _kept(self, factors: Any) -> dict[str, Any]:
        """Where the factors are stored, and in which basis they are."""
        spectrum = getattr(factors, "spectrum", None)
        rows = factors if spectrum is None else self._unfixed.get(factors, factors.rows)
        first: Any = rows.turn.steps[:1] if isinstance(rows, StoredRows) else ()
        change = first[0][0] if first else None
        if (path := getattr(rows, "path", None)) is None:
            path = self.folders.write(self.spark.createDataFrame(table_of(rows), RESULT))
        basis = {"spectrum": spectrum, "change": change}
        return {"path": path, **{k: v if v is None else v.tolist() for k, v in basis.items()}}

    def resumed(
        self, checkpoints: Checkpoints | None, interval: int, n_factors: int, biases: bool
    ) -> Resumed | None:
        """Where the last fit of the same data and parameters was when it ended early."""
        self._checkpoints, self._interval = checkpoints, interval
        state = checkpoints and checkpoints.last()
        if not state:
            return None
        kept = {name: one for name, one in state.items() if isinstance(one, dict) and "path" in one}
        self._checkpointed = frozenset(one["path"] for one in kept.values())
        self.folders.resume(state)
        self.folders.keep({*self._checkpointed})
        self._constant = Constant.of(self) if biases else None
        d = n_factors + biases
        users = self._kept_rows(kept["user"], "user", d)
        found = self._kept_factors(users, kept["item"], d)
        if biases:
            change = found.items.basis.fixed.T
            self._begun = self.turned(users, change), self._unfixed[found.items]
        if "best_user" in kept:
            users = self._kept_rows(kept["best_user"], "user", d)
        best = self._kept_factors(users, kept["best"], d) if "best" in kept else found
        return Resumed(found, state["history"], best)

    def _kept_rows(self, kept: dict[str, Any], side: Side, n_factors: int) -> Any:
        if self.sides[side].rows.is_stored:
            return self._read(kept["path"], side, n_factors)
        rows = empty_factors(self.sides[side].rows.n_rows, n_factors)
        fill(rows, self.folders.read(kept["path"]).select("first", "factors").toArrow())
        return rows

    def _kept_factors(self, users: Any, kept: dict[str, Any], n_factors: int) -> Factors:
        rows, spectrum = self._kept_rows(kept, "item", n_factors), np.array(kept["spectrum"])
        change = kept["change"] and np.array(kept["change"])
        if self._constant is not None:
            rows = rows if change is None else self.turned(rows, change)
            items, baseline = self.fix_with_constant("item", rows, self._constant)
            return Factors(users, items, self._constant.biases(items.basis, baseline))
        if change is None:
            items = FixedSide.in_eigenbasis(rows, spectrum, self.n_threads)
        else:  # nobody asks for the change that the other side went through
            items = self._fixed("item", rows, Basis(spectrum, change, np.eye(n_factors)))
        return Factors(users, items, pair_weights=self.pair_weights)
