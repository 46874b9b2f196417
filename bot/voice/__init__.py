"""Calls as the running desk sees them: the engine's reports, and the cards in chats."""
