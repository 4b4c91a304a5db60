"""Experiments: what decided a form, a rule or a limit, once, and whose tables stand in the documentation.

They are run by hand from a checkout, `PYTHONPATH=bench python -m experiments --help`, and are in no wheel. What a user
measures on a machine or a bundle of their own is a scenario of `ecg2lab bench run`.
"""
