"""The sales workflows at work: `python -m demo`, or `make demo`."""
