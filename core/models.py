"""All models in one place, for migrations and for tests that look at every table."""
# ruff: noqa: F401  the imports are the point

from core.admin.model import AuditSeal, DeskFact
from core.calls.model import Call, CallConsent, CallFile, CallPerson, CallQuality, CallRecording
from core.conversations.model import (
    Attachment,
    Conversation,
    Draft,
    Message,
    MessageCopy,
    MessageRevision,
    PendingQuestion,
    Reaction,
    Seat,
)
from core.crypto.model import DeskKey, IntermediateKey, PersonKey
from core.db import Base, EventRow, Setting
from core.installations.model import Cursor, Installation
from core.kb.model import (
    Article,
    ArticleFeedback,
    ArticleFile,
    ArticleRevision,
    ArticleSlug,
    ArticleText,
    ArticleView,
    KbSearch,
    Lesson,
    Suggestion,
)
from core.lease import Lease
from core.notices.model import Notice
from core.outbox_model import (
    Delivery,
    IdempotentAnswer,
    Inbound,
    OutboxMail,
    ReaderMark,
    ScheduledJob,
)
from core.people.model import (
    ApiToken,
    Credential,
    Erased,
    Identity,
    OneTimeLink,
    Organisation,
    Person,
    Role,
    Session,
    Tag,
    Team,
    TeamMember,
)
from core.pulse import RunningPart
from core.reviews.model import Review
from core.rooms.model import DeskRoom, RoomThread
from core.tickets.model import (
    Category,
    Macro,
    Participant,
    RoutingRule,
    SavedView,
    SurveyAnswer,
    Ticket,
    TicketLink,
)

__all__ = [name for name in dir() if name[0].isupper()]
