"""The only room with SQL: where readings, plans, commands and keys are kept.

``sql.SqlStore`` is the store of a running backend, ``memory.MemoryStore`` keeps the same promises
without a disk; tests/contract/store/test_contract.py holds both to them.
"""
