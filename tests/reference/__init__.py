"""A second opinion: the definitions once more, in plain Python, written from `docs/definitions.md`.

Belongs here: what a small company recorded (`world.py`) and what the published tables must say of it. Does
not belong here: SQL, a dataframe library, or anything that the pipeline could share; the agreement of two
independent calculations is the point.
"""
