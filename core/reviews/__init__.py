"""Quality review: what leads say of sessions, which are calls and the chats of tickets."""
