"""A small made-up help centre of a bicycle shop."""

from __future__ import annotations

from core.kb.engine import Engine
from core.kb.engine.vectors import WordVectors, word_vectors

ARTICLES = [
    ("password", "Reset your password", "Open the sign-in page and choose Forgot password.\nWe send you a link by mail."),
    ("refund", "Getting a refund", "Send the goods back within 30 days.\nThe money is on your account after five days."),
    ("delivery", "Track your delivery", "The parcel number is in the mail that we sent.\nThe courier shows where it is."),
    ("invoice", "Download an invoice", "All invoices are under My orders.\nPress Download to get a PDF file."),
    ("brakes", "Adjust squeaking brakes", "Clean the rim with alcohol.\nTurn the brake pads until they sit flat."),
    ("chain", "Oil the chain", "Wipe the chain with a dry cloth.\nOne drop of oil on each link is enough."),
    ("battery", "The battery does not charge", "Plug the charger in and wait for the green light.\nA battery below zero degrees does not charge."),
    ("tyre", "Repair a flat tyre", "Take the tube out and find the hole.\nGlue a patch on it and wait five minutes."),
    ("account", "Delete your account", "Under Settings choose Delete account.\nAll your data is erased after a week."),
    ("address", "Change the delivery address", "Before we ship, the address can be changed under My orders."),
    ("warranty", "How long the warranty lasts", "Frames have ten years of warranty, other parts two."),
    ("helmet", "Choose the size of a helmet", "Measure around your head above the ears.\nThe table shows the size."),
    ("light", "The front light flickers", "Check the cable at the dynamo.\nReplace the bulb if it is black."),
    ("workshop", "Book the workshop", "Choose a day under Workshop.\nBring the bicycle in the morning."),
]  # fmt: skip

HAS_MEANING = word_vectors().meaning


def made(vectors: WordVectors | None = None) -> Engine:
    """An engine with the shop's articles."""
    engine = Engine(vectors)
    engine.index(ARTICLES)
    return engine


def first(engine: Engine, query: str) -> str:
    """The id of the article that comes first."""
    return engine.search(query, 1)[0][0]
