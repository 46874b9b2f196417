"""Words that passwords are commonly made of; compared after digits and signs around them are
taken off, so that `Password123!` is found as well."""

from __future__ import annotations

from functools import cache

from core.crypto import words

_WORDS = """
123456 12345678 123456789 1234567890 0123456789 0987654321 9876543210 1122334455 1234554321 12345678910
111111 000000 123123 654321 666666 987654321 112233 121212 abc123 a1b2c3 1q2w3e4r 1q2w3e4r5t 1qaz2wsx q1w2e3r4
qwerty qwertz qwertyuiop qwertzuiop qwerty123 asdfghjkl asdfgh zxcvbnm yxcvbnm qazwsx qazwsxedc zaq12wsx
password passwort passw0rd p@ssword p@ssw0rd pa55word password1 secret geheim changeme letmein welcome willkommen
admin administrator root user guest test testtest login access master default temp temppassword
iloveyou ichliebedich princess sunshine football fussball baseball basketball monkey dragon shadow superman batman
starwars pokemon computer internet samsung google michael jordan jennifer charlie daniel jessica ashley
hallo hallohallo hello helloworld schatz sommer winter summer spring herbst monday friday
trustno1 whatever freedom flower cookie chocolate schokolade hunter killer soccer hockey cheese
correcthorsebatterystaple support helpdesk deskbell servicedesk
"""


@cache
def most_common() -> frozenset[str]:
    """Ours, and the 30,000 that were found most often where passwords were stolen; loaded when a password is chosen."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(_WORDS.split()) | {words.fold(one) for one in FREQUENCY_LISTS["passwords"]}
