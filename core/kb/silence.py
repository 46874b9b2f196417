"""When no article is offered, whatever the engine would say.

A person in danger or in anger needs a person; a greeting or thanks asks nothing. The lists hold
plain words of English and German; what else is small talk, the engine knows by its meaning.
"""

from __future__ import annotations

import re

from core.crypto.words import fold

LEAST_LETTERS = 3
_SHOUTED_LETTERS = 12
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)

_DANGER = re.compile(
    r"\b(?:emergency|urgent help|ambulance|suicid\w*|kill (?:myself|himself|herself|themselves)"
    r"|hurt (?:myself|himself|herself)|self[- ]harm\w*|bleeding|unconscious|heart attack|overdos\w*"
    r"|on fire|is burning|explod\w*|explosion|smoke coming|gas leak|electric shock|electrocut\w*|injur\w*"
    r"|accident|police|threaten\w*|stalk\w*|blackmail\w*|domestic violence"
    r"|notfall\w*|notarzt|krankenwagen|rettungsdienst|selbstmord\w*|suizid\w*|umbringen|bewusstlos\w*"
    r"|verletz\w*|verblut\w*|brennt|brand|feuer|explodier\w*|raucht|rauch|gasgeruch|stromschlag\w*|unfall\w*"
    r"|polizei|bedroh\w*|erpress\w*|herzinfarkt|lebensgefahr\w*)\b"
)
_ANGER = re.compile(
    r"\b(?:unacceptable|ridiculous|outrag\w+|disgrac\w+|pathetic|incompeten\w+|scam\w*|rip[- ]?off|useless"
    r"|worst|furious|fed up|sick of|had enough|lawyer|attorney|sue you|lawsuit|chargeback|idiots?|stupid"
    r"|bull ?shit|shit\w*|fuck\w*|wtf|damn|crap|bastards?|assholes?|third time|how many times"
    r"|unverschamt\w*|frechheit|unglaublich|lacherlich|inkompeten\w*|abzocke\w*|betrug\w*|schweinerei"
    r"|sauerei|zumutung|schnauze|wutend|anwalt\w*|verklag\w*|klage|schei\w*|verdammt\w*|idioten?"
    r"|dreck\w*|arsch\w*|reicht mir|zum dritten mal|schon wieder)\b"
)
_COURTESIES = frozenset(
    [
        "hi",
        "hello",
        "hey",
        "hallo",
        "hiya",
        "yo",
        "moin",
        "servus",
        "gruezi",
        "good",
        "morning",
        "afternoon",
        "evening",
        "night",
        "day",
        "guten",
        "morgen",
        "tag",
        "abend",
        "thanks",
        "thank",
        "you",
        "thx",
        "ty",
        "cheers",
        "danke",
        "dankeschon",
        "vielen",
        "lieben",
        "dank",
        "merci",
        "ok",
        "okay",
        "alright",
        "fine",
        "great",
        "super",
        "perfect",
        "perfekt",
        "cool",
        "nice",
        "nett",
        "yes",
        "no",
        "ja",
        "nein",
        "bye",
        "goodbye",
        "tschuss",
        "ciao",
        "please",
        "bitte",
        "there",
        "team",
        "all",
        "everyone",
        "zusammen",
        "und",
        "and",
        "so",
        "very",
        "much",
        "for",
        "the",
        "a",
        "lot",
        "sehr",
        "dir",
        "ihnen",
        "euch",
        "schonen",
        "wiedersehen",
        "auf",
        "bis",
        "bald",
        "see",
        "later",
        "hope",
        "are",
        "well",
        "how",
        "wie",
        "geht",
        "es",
    ]
)


def must_be_silent(question: str) -> bool:
    """Whether nothing may be offered in answer to this."""
    folded = fold(question)
    said = _WORD.findall(folded)
    if sum(map(len, said)) < LEAST_LETTERS or all(word in _COURTESIES for word in said):
        return True
    return bool(_DANGER.search(folded) or _ANGER.search(folded)) or _shouted(question)


def _shouted(question: str) -> bool:
    """All in capitals, and long enough to be no name or code."""
    letters = [each for each in question if each.isalpha()]
    return len(letters) >= _SHOUTED_LETTERS and all(each.isupper() for each in letters)
