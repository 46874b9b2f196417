"""Stand-ins for the chat platforms: small local servers that import nothing of the desk."""
