"""When no article is offered, whatever the engine would say.

A person in danger or in anger needs a person; a greeting or thanks asks nothing. The lists hold
plain words of English and German; what else is small talk, the engine knows by its meaning.
"""

from __future__ import annotations

import re

from core.crypto.words import fold

LEAST_LETTERS = 3
_SHOUTED_LETTERS = 12
_SHOUTED_SHARE = 0.7
_MARKS_IN_A_ROW = re.compile(r"[!?]{3,}")
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)

_DANGER = re.compile(
    r"\b(?:emergency|urgent help|sos|call(?:ed|ing)? (?:911|999|112)|ambulance|paramedics?|hospital"
    r"|suicid\w*|kill (?:myself|himself|herself|themselves)|(?:want|going) to die|end my life"
    r"|(?:hurt|cut) (?:myself|himself|herself)|self[- ]harm\w*|hurts?|hurting|bleeding|unconscious"
    r"|heart attack|chest pains?|(?:can ?not|can['’]?t) breathe|choking|poison\w*|swallowed|overdos\w*"
    r"|on fire|(?:a|caught|catch(?:es|ing)?) fire|fire ?(?:brigade|department|fighters?)"
    r"|burn(?:s|t|ed|ing)|smok(?:e|es|ed|ing|y)|sparks (?:are|came|come|flew|fly|flying|from|in|out)|sparking|explod\w*|explosions?"
    r"|gas leak|smell\w* (?:of |like )?gas|carbon monoxide|electric shock|electrocut\w*|injur\w*"
    r"|(?<!by )accidents?|(?:i|he|she|we|son|daughter|child|wife|husband) fell|i crashed"
    r"|broke my (?:arm|leg|hand|wrist|foot|nose)|dangerous"
    r"|police|threaten\w*|stalk\w*|blackmail\w*|assault\w*|raped?|domestic violence"
    r"|notfall\w*|notruf\w*|notarzt|notaufnahme|krankenwagen|krankenhaus|rettungsdienst"
    r"|selbstmord\w*|suizid\w*|umbringen|nicht mehr leben|sterben|bewusstlos\w*"
    r"|verletz\w*|verblut\w*|blutet|blutung\w*|vergift\w*|verschluckt|erstick\w*|atemnot|keine luft"
    r"|schmerzen|gesturzt|(?:arm|bein|hand|fuss|nase) gebrochen"
    r"|brennt|brennend\w*|gebrannt|(?:ab|an)gebrannt|verbrann\w*|verbrenn\w*|verschmor\w*|schmort"
    r"|(?:in|ein|einen|der|den) brand|brandgeruch|feuer\w*|explodier\w*|explosion\w*"
    r"|raucht|rauch|rauchentwicklung|qualm\w*|funken|gasgeruch|nach gas|stromschlag\w*|einen schlag"
    r"|unfall\w*|polizei|bedroh\w*|erpress\w*|vergewaltig\w*|herzinfarkt"
    r"|gefahrlich\w*|lebensgefahr\w*)\b"
)
_ANGER = re.compile(
    r"\b(?:unacceptable|ridiculous|outrag\w+|disgrac\w+|disgust\w+|appalling|pathetic|incompeten\w+"
    r"|terribl[ey]|horribl[ey]|awful|shame(?:ful)?|a joke|scam(?:s|med|mers?)?|rip[- ]?off|useless|rubbish|sucks"
    r"|worst(?! case)|furious|angry|annoyed|frustrat\w+|disappoint\w+|i hate|fed up|sick of|had enough"
    r"|complaints?|(?:i|to|will|must) complain|lawyer|attorney|sue you|lawsuit|chargeback|idiots?|stupid(?! question)|liars?"
    r"|bull ?shit|shit\w*|fuck\w*|wtf|damn|crap|bastards?|assholes?"
    r"|(?:for|this is|it['’]?s) the (?:second|third|last|\w+th) (?:time|email|mail|message)"
    r"|how many (?:more times|times (?:do i have|must i|have i))|(?:want|give me) my money"
    r"|(?:nobody|no ?one) (?:answers?|replies|responds|cares|helps|reads)"
    r"|waiting (?:for )?\w+ (?:hours|days|weeks|months)"
    r"|unverschamt\w*|frechheit|unglaublich|lacherlich|inkompeten\w*|abzocke\w*|betrug\w*|schweinerei"
    r"|sauerei|zumutung|schnauze|wutend|sauer|stinksauer|emport|verargert|enttausch\w*|furchtbar|miserabel"
    r"|katastrophal\w*|witz|ist (?:\w+ )?das letzte(?= *(?:[.,!]|$))|skandal\w*|beschwer\w*|lugner"
    r"|anwalt\w*|verklag\w*|klage"
    r"|scheiss\w*|verdammt\w*|idioten?|so ein dreck|drecks(?!chutz)\w*|arsch\w*|verarsch\w*"
    r"|reicht['’]?s|reicht (?:es )?mir|schon wieder|zum \w+ten mal|will mein geld|warte (?:\w+ )?seit"
    r"|(?:niemand|keiner) (?:antwortet|hilft|meldet|reagiert|liest))\b"
)
_THANKS = re.compile(
    r"^\W*(?:(?:hi|hello|hallo|ok|okay|great|super|perfekt|perfect|prima|toll)\b\W*)*"
    r"(?:thanks|thank you|thx|cheers|danke\w*|(?:vielen|besten|lieben|herzlichen) dank|merci)\b"
)
_WORKED = re.compile(
    r"\b(?:(?:it|that) worked|works (?:again|now|fine)|(?:problem|is|it['’]?s|all) (?:solved|fixed|sorted)"
    r"|hat (?:geklappt|geholfen|funktioniert)|(?:geht|lauft|funktioniert) (?:\w+ )?wieder|erledigt)\b"
)
_ASKS = re.compile(
    r"\?|n['’]t\b|\b(?:but|not|no|cannot|how|what|where|when|why|which|who|can|could|would|help|need|still"
    r"|problems?|broken|unless|aber|nicht|kein\w*|wie|was|wo|wann|warum|wer|welche\w*|kann|konnte\w*|hilfe"
    r"|brauche|noch|kaputt|defekt|leider|fehl\w*)\b"
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


def asks_nothing(said: str) -> bool:
    """A greeting, thanks, or hardly a word: the question, if there is one, comes after it."""
    found = _WORD.findall(fold(said))
    return sum(map(len, found)) < LEAST_LETTERS or all(word in _COURTESIES for word in found)


def must_be_silent(question: str) -> bool:
    """Whether nothing may be offered in answer to this."""
    if asks_nothing(question):
        return True
    folded = fold(question)
    if _DANGER.search(folded) or _ANGER.search(folded) or _shouted(question):
        return True
    return _only_thanks(folded)


def _shouted(question: str) -> bool:
    """In capitals, and long enough to be no name or code; or with marks in a row."""
    letters = [each for each in question if each.isalpha()]
    capitals = sum(each.isupper() for each in letters)
    return _MARKS_IN_A_ROW.search(question) is not None or (
        len(letters) >= _SHOUTED_LETTERS and capitals >= _SHOUTED_SHARE * len(letters)
    )


def _only_thanks(folded: str) -> bool:
    """Thanks, or that it works again, with nothing asked beside it."""
    if _ASKS.search(folded.replace("no problem", "").replace("problem solved", "solved")):
        return False
    return bool(_THANKS.search(folded) or _WORKED.search(folded))
