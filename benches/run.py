"""Runs the load scenarios against nginx and Tollway; see benches/README.md. `python benches/run.py --help`."""

import runpy
import sys
from pathlib import Path

# The harness is a package of this folder, and a script knows only the folder that it lies in.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
runpy.run_module("benches.harness.run", run_name="__main__")
