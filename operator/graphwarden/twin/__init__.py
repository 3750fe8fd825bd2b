"""The route table as an Envoy configuration: for those who run an Envoy, and as a yardstick.

What it keeps: calls go by `x-assistant-id` or by `assistant_id` in the body, pools have their limit
of calls in flight and of calls that wait, runs their timeout, lost workers are left out, and the
configuration is followed without a reload. What it does not do, and the router does: ask for keys,
send a call on to the worker that a 421 names, hold calls for a pool that starts from nothing or
only for so long, take turns between graphs, merge lists over pools, join a lost call by its
`Idempotency-Key`.
"""
