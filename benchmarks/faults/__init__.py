"""What the desk in parts does when what it stands on breaks.

Two webs, two gateways, a worker, a PostgreSQL and a Redis as `make scale` has them, with three stand-in
platforms and visitors of the web chat. People talk all the while; parts are killed and paused, the
database and Redis go and come, platforms misbehave. At the end what people said is compared with what
each room, each chat and the desk's own record show.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))  # where make scale has its parts from
