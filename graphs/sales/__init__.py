"""What the sales flows share: tasks and their rules, inbound mail, checks, the outbox."""
