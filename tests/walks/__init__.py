"""A walk over every field of both resources: change it, strain it, break it, and take it back."""
