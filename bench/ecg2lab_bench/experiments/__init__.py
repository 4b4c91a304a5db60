"""Experiments: what decided a form, a rule or a limit, once, and whose tables stand in the documentation.

They are run by hand, `python -m ecg2lab_bench.experiments --help`. What a user measures on a machine or a bundle of
their own is a scenario of `ecg2lab bench run`.
"""
