"""What people do with tickets, verb by verb. Each one: load and lock, check, change, record the
fact. The verbs stand in files by subject; who uses them finds them all here."""

from __future__ import annotations

from core.tickets.changing import unchanged as unchanged
from core.tickets.describing import MOST_TAGS as MOST_TAGS
from core.tickets.describing import categorise as categorise
from core.tickets.describing import change_requester as change_requester
from core.tickets.describing import prioritise as prioritise
from core.tickets.describing import rename as rename
from core.tickets.describing import set_fields as set_fields
from core.tickets.describing import tag as tag
from core.tickets.describing import tag_ids as tag_ids
from core.tickets.following import follow as follow
from core.tickets.following import mark_read as mark_read
from core.tickets.following import unfollow as unfollow
from core.tickets.holding import assign as assign
from core.tickets.holding import claim as claim
from core.tickets.holding import hand_over as hand_over
from core.tickets.holding import pass_on as pass_on
from core.tickets.holding import release as release
from core.tickets.opening import Request as Request
from core.tickets.opening import open_ticket as open_ticket
from core.tickets.progress import close as close
from core.tickets.progress import reopen as reopen
from core.tickets.progress import resolve as resolve
from core.tickets.progress import snooze as snooze
from core.tickets.progress import wait as wait
from core.tickets.progress import wake as wake
from core.tickets.progress import young as young
from core.tickets.rating import rate as rate
from core.tickets.several import link as link
from core.tickets.several import merge as merge
from core.tickets.several import split as split
from core.tickets.several import unlink as unlink
from core.tickets.talking import edit_message as edit_message
from core.tickets.talking import hear as hear
from core.tickets.talking import message_in as message_in
from core.tickets.talking import note as note
from core.tickets.talking import reply as reply
from core.tickets.talking import said_before as said_before
from core.tickets.talking import send_now as send_now
