"""A made-up company: one seeded ledger of what happened in it, and renderers that only show it.

Belongs here: nothing but this charter; see README.md for which module does what.
"""
