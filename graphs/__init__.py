"""Sales workflows as LangGraph graphs, one folder each."""
