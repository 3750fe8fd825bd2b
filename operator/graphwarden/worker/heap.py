"""Python's garbage collector, for a process that loads much and then makes little that stays."""

from __future__ import annotations

import gc

# Of objects that may be parts of cycles: a run of ten nodes makes some thousands, and nearly all of
# them go by themselves. Python looks after 700.
_YOUNG = 7000


def settle() -> None:
    """Look at all there is once more, and then leave it out of collections; have these less often.

    Looking at all that a worker has loaded takes a twentieth of a second and more, and holds up
    every run. What stays for a while, as spans that wait to be sent, has Python look that often.
    Graphs that were replaced since the last time go here.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
