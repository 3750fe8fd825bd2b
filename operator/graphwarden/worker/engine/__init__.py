"""Durable runs: owned by one worker at a time, stored before they start, finished by somebody."""
