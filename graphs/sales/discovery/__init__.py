"""What the discovery graphs share: where companies are looked for, read from, and kept."""
