"""The contract: what a GraphSpec and a GraphPool mean, as values. Imports nothing but pydantic."""
