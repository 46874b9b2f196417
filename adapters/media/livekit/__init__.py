"""LiveKit behind the same port: a server of its own for large installations, off when unset."""
