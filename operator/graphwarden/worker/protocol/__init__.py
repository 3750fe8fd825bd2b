"""The thread protocol, version 2: commands, channels, and frames from stored events. Pure."""
