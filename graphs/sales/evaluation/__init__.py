"""How good the classifiers are, on labelled examples that their rules were not made on."""

from graphs.sales.evaluation.suites import Suite

__all__ = ["Suite"]
