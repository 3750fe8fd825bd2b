"""A send that is killed at every single line, and what is left of it."""
