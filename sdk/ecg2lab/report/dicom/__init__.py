"""An answer as DICOM objects: the report as an encapsulated PDF, and a structured report (TID 1500).

docs/conformance.md lays them out.
"""
