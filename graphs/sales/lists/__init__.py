"""Lists of people that somebody uploads: read, judged row by row, merged into the database."""
