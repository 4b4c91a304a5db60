"""Scoring of archives: a table with a row for each recording of a folder, computed by many processes, resumable."""
