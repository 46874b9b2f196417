"""Mails: which there are, how they look, and who gets them.

A mail is one delivery row of kind `mail` with the name of its card; it is made from ids at the
moment it is sent, in its reader's language.
"""

from bot.mailing.cards import Mails
from bot.mailing.poster import MailPoster
from bot.mailing.teller import make_teller

__all__ = ["MailPoster", "Mails", "make_teller"]
