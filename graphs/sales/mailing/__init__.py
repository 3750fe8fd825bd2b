"""Real mail: the outbox, SMTP and IMAP, limits, replies, bounces, unsubscribing."""
