"""What is fuzzed: a module for each parser, with ``SEEDS`` and ``check``.

``SEEDS`` (list of bytes) are small files, as people have them and as earlier findings were.
``check(data)`` gives `data` to the parser and lets pass what the parser documents, ValueError for
instance; whatever else it raises is a finding, and so is a crash, a hang, or memory without end. It
should take well under 10 ms.
"""
