"""What was suggested in the demo's past: enough of each outcome for the reports, and nothing in the clear."""

from __future__ import annotations

from sqlalchemy import func, select

from core.kb import learning
from core.kb.model import Lesson, Suggestion
from tests.demo.conftest import Demo


async def test_every_outcome_is_there(demo: Demo) -> None:
    async with demo.desk.db.sessions() as session:
        counted = dict(
            (
                await session.execute(select(Suggestion.outcome, func.count()).group_by(Suggestion.outcome))
            ).all()
        )
        assert set(counted) == {"shown", "dismissed", "human", "solved"}
        assert min(counted.values()) >= 5
        assert await session.scalar(select(func.count()).where(Suggestion.by_agent)) != 0
        standing = await learning.standing(session, demo.desk.means)
        asked = await learning.questions(session, demo.desk.means.keys, standing)
        assert len(learning.agreed(standing, asked)) >= 10
        assert await session.scalar(select(func.count()).select_from(Lesson)) != 0
