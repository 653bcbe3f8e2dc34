"""The steps from each version of the schema to the next.

A released step is never edited. A new one is a module with ``upgrade(op)``, where `op` is
Alembic's :class:`~alembic.operations.Operations`; it is added to `STEPS`, and the tests compare
what all steps make of version 1 with :mod:`cinefold.profiles.tables`, of which a new database is
made. All steps that a database lacks run in one transaction.

SQLite cannot alter a column in place, and Alembic's batch mode copies the table and drops the old
one, which deletes by cascade what refers to it: add columns instead, or copy what refers to it too.
"""

from cinefold.profiles.migrations import v2_marks, v3_keys

STEPS = (v2_marks.upgrade, v3_keys.upgrade)
