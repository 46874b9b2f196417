"""How much a desk of any size carries, and what stands in the way of more."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))  # where make scale has its parts from
