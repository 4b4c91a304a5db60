"""What the README shows, made by commands: its picture, and its figures from the packaged bundle and kept results.

They are run from a checkout, as `make picture` and `make figures`, and are in no wheel.
"""
