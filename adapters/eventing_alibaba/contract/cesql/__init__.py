"""CloudEvents SQL 1.0 as a text that is right or wrong: tokens, tree, types, casts.

Evaluation is the flow's (`flow.filters`). What is here is what a manifest needs to be validated, in
a cluster as on a laptop, without an event at hand.
"""
