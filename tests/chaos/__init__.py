"""Kill loops: workers die in every way there is, and a checker reads what their runs left."""
