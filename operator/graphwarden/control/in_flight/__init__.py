"""Runs in flight as an external metric, for autoscalers (`external.metrics.k8s.io/v1beta1`)."""
