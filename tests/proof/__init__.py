"""The proof that the published tables say what `docs/definitions.md` says.

Belongs here: making up small companies, running the real models on them in memory, and comparing every cell
with the second opinion (`tests/reference/`). Does not belong here: a definition of any number.

    rule_sets.py    the rules that companies live by        chance.py   draws that coincide
    compiled.py     the models as SQL under such rules      worlds.py   companies made by chance
    in_memory.py    the models, run on one company          busy.py     companies with something to say
    differences.py  the two opinions side by side           named.py    companies made by hand
    faults.py       all that is wrong on one company        shown.py    a company as text for a test
    asked.py        single cells of a company in few words  smaller.py  the smallest one still wrong
"""
