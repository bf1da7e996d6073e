"""The floor: the least work that gives the tables of a release.

The SQL files of this folder, run in their order in one process and one DuckDB file, read a company's export
and write every published table, as a fast hand would: no checks, no history for later runs, ids as numbers,
sums of sums. What a release costs more than this is the price of everything else.

Belongs here: that SQL, writing it for a company (`script.py`), running it (`__main__.py`), holding its tables
against those of the pipeline (`compare.py`). Does not belong here: measuring (`benchmarks/measure.py`).
"""
