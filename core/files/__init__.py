"""Files that people send: what they are, what they are called, small pictures, sealed storage."""
