"""Words of a text: how they are cut, which say little, what chat writes short, and their stems."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import Stemmer

MAX_QUERY_CHARS = 2_000
MAX_QUERY_WORDS = 64
_MAX_WORD_CHARS = 40
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")
# Scripts written without spaces between words: a run of them is read as overlapping pairs.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")

_SMALL = """
a an the of to in on at for with by from is are was were be been am do does did done have has had i me my we
our you your it its this that these those and or but if so as not no can could will would shall should may
might there here what which who whom how when where why he she they them his her their us about into than
then too very just also any some
"""
STOP_WORDS = frozenset(_SMALL.split())
# Said to be polite or in a hurry; tells nothing about what is asked.
_POLITE = """
please hey hi hello hiya um uh hmm asap lol lmao sorry guys folks thanks thank thx ty cheers btw tbh imo
kindly anyone anybody ok okay oh ah well
"""
FILLERS = frozenset(_POLITE.split())
# Words of chat that no article has, so that they are not taken for slips of words that one has.
_CHAT = """
yea yeah yep yup nope nah bye byebye goodbye ciao dude bro mate buddy rude haha hehe wow yay ouch meh duh
gosh damn cool nice great awesome cheers welcome morning evening night sup yo hiya howdy whatsup bot robot
"""
CHAT_WORDS = frozenset(_CHAT.split())
_SHORT = {
    "u": "you", "ur": "your", "r": "are", "y": "why", "b": "be", "n": "and", "c": "see", "k": "ok",
    "2": "to", "4": "for", "w": "with", "mah": "my", "wat": "what", "wut": "what", "wht": "what",
    "pls": "please", "plz": "please", "plss": "please", "bc": "because", "cuz": "because", "coz": "because",
    "sry": "sorry", "thx": "thanks", "tnx": "thanks", "ty": "thanks", "msg": "message", "msgs": "messages",
    "abt": "about", "ppl": "people", "pic": "picture", "pics": "pictures", "acct": "account", "pw": "password",
    "pwd": "password", "txt": "text", "tmrw": "tomorrow", "tmr": "tomorrow", "b4": "before", "gonna": "going",
    "wanna": "want", "gotta": "must", "dont": "don't", "doesnt": "doesn't", "didnt": "didn't", "cant": "can't",
    "cannot": "can't", "wont": "won't", "isnt": "isn't", "im": "i'm", "ive": "i've", "idk": "know", "asap": "asap",
    "info": "information", "infos": "information", "fb": "facebook", "insta": "instagram", "prob": "problem",
    "probs": "problems", "smth": "something", "sth": "something", "gimme": "give", "lemme": "let",
}  # fmt: skip
_ALGORITHMS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi",
    "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian",
    "ne": "nepali", "nl": "dutch", "no": "norwegian", "nb": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip


def words(text: str) -> list[str]:
    """The words of a text in lower case, in their order."""
    found: list[str] = []
    for word in _WORD.findall(text.lower().replace("’", "'")):
        found += _pairs(word) if _UNSPACED.match(word) else [word[:_MAX_WORD_CHARS]]
    return found


def spelled_out(word: str) -> str:
    """What a short form of chat stands for; any other word as it is."""
    return _SHORT.get(word, word)


@lru_cache(maxsize=200_000)
def stem(word: str, language: str = "en") -> str:
    """The stem of a word by the rules of a language; English's rules where there are none."""
    return str(_stemmer(language).stemWord(word.removesuffix("'s")))


def stems(word: str, languages: Iterable[str]) -> list[str]:
    """Its different stems in several languages."""
    return list(dict.fromkeys(stem(word, language) for language in languages))


def language_key(language: str) -> str:
    """The part of a language tag that picks the rules: "de-AT" is read as "de"."""
    key = language.lower().replace("_", "-").partition("-")[0]
    return key if key in _ALGORITHMS else "en"


@lru_cache(maxsize=64)
def _stemmer(language: str) -> Stemmer.Stemmer:
    name = _ALGORITHMS.get(language, "english")
    return Stemmer.Stemmer(name if name in Stemmer.algorithms() else "english")


def _pairs(run: str) -> list[str]:
    run = run[:400]
    return [run[at : at + 2] for at in range(len(run) - 1)] or [run]
