"""The embedded PostgreSQL: one server for one data folder, started and stopped with Deskbell."""

from adapters.postgres.folder import DataFolder
from adapters.postgres.programs import binaries
from adapters.postgres.server import Address, Embedded, attach, start
from adapters.postgres.temporary import temporary

__all__ = ["Address", "DataFolder", "Embedded", "attach", "binaries", "start", "temporary"]
