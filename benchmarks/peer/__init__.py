"""The same project the usual way, as its tools' own guides show it: the peer that a run is measured against.

Belongs here: that project (`definitions.py`) and preparing it. Does not belong here: anything that makes it
slower or faster than the guides would; the models are those of this repository.
"""
