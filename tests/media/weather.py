"""Bad weather between browsers and the engine."""

from benchmarks.relay import Relay as Weather
from benchmarks.relay import relay as weather

__all__ = ["Weather", "weather"]
