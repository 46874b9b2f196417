"""The suggestion engine of the knowledge base: finds articles, stays silent when unsure, learns, explains."""

from core.kb.engine.engine import CAUTION, Among, Engine, Found
from core.kb.engine.explaining import PastReason, Reasons, SentenceReason, WordReason
from core.kb.engine.learning import Example
from core.kb.engine.snapshot import Unusable

__all__ = [
    "CAUTION",
    "Among",
    "Engine",
    "Example",
    "Found",
    "PastReason",
    "Reasons",
    "SentenceReason",
    "Unusable",
    "WordReason",
]
