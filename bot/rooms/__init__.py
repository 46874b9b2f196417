"""Desk rooms: a thread for each ticket, headed by a live card, and what agents say there."""
