"""The load benches' harness. Read in this order: `scenario` (what is measured), `render` and `subject` (against what),
`load` and `measure` (how), `memory` and `coldstart` (the two that are not load), `report`, then `run` and `gate`.

Standard library only, so that `benches/run.py` runs with any Python 3.11 or later.
"""
