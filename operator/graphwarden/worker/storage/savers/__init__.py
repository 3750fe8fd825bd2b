"""LangGraph's checkpoint savers, faster, and under the fence of the thread they write on."""
