"""A guess at the language of a message, by its most common words.

It knows English and German, and says nothing when it is not sure: routing by a wrong language
is worse than routing without one.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.conditions import words_of

MOST_WORDS = 400
"""A longer text is judged by its beginning."""

# Words that both languages have (also, an, bin, die, hand, hat, in, man, so, war, was, will) stand in
# neither list, nor do English ones that other languages use as often (a, as, he, me, no, on).
_ENGLISH = """
about after again all and any are at be because been before but by can can't cannot could did didn't do
does doesn't don't down every for from get getting give had has have hello help here how i i'd i'll i'm
i've if into is isn't it it's its just know like more my need not now of one only or other our out over
please see she should since some still than thank thanks that that's the their them then there these
they this those to too try trying up us use very want wasn't we we're what when where which while who
why with won't would yes yesterday you your
"""
_GERMAN = """
ab aber alle allem allen als auch auf aus bei beim bis bitte bräuchte brauche da damit danke dann das dass
dem den der des dies diese diesem diesen dieser dieses doch durch ein eine einem einen einer eines es
etwas euch euer für ganz geht gibt guten habe haben hallo heute hier ich ihm ihn ihnen ihr ihre ihrem ihren
im immer ist ja jetzt kann kein keine keinen können könnte könnten leider mal mehr mein meine meinem meinen
meiner mich mir mit muss müssen nach nicht nichts noch nun nur ob oder ohne schon sehr seit sich sie sind
soll sollte über um und uns unser unsere unter viel vielen vom von vor warum weil wenn wer werden wie wieder
wir wird wo wurde würde zu zum zur zwei zwischen
"""
_OTHERS = """
avec bonjour ce cette dans est et je la le les mais ne nous pas pour que qui sur une vous
con del el en esta hola los muy para pero por una como gracias puedo
che di il non per sono questo ciao
dat een het ik je maar met mijn niet van voor
det ikke jeg og på som til er han
nie się jest na że proszę
"""
_COMMON: Mapping[str | None, frozenset[str]] = {
    "en": frozenset(_ENGLISH.split()),
    "de": frozenset(_GERMAN.split()),
    None: frozenset(_OTHERS.split()),
}
_GERMAN_LETTERS = frozenset("äöü")  # folding has turned ß into ss


def guess_language(text: str) -> str | None:
    """`en`, `de`, or None when too little speaks for one of them."""
    words = [word.replace("’", "'") for word in words_of(text[: MOST_WORDS * 20])[:MOST_WORDS]]
    points = {code: sum(word in common for word in words) for code, common in _COMMON.items()}
    points["de"] += sum(not _GERMAN_LETTERS.isdisjoint(word) for word in words)
    first, second, *_rest = sorted(points, key=lambda code: points[code], reverse=True)
    share = points[first] / max(len(words), 1)
    sure = points[first] >= 2 and points[first] > 2 * points[second] and share >= 0.15
    return first if sure else None
