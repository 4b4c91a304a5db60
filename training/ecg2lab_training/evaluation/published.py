"""Figures of the paper, by target: Lopez Alcaraz & Strodthoff, Sci Rep 2025, doi 10.1038/s41598-025-26715-5.

They are of real patients of MIMIC-IV. The journal states bounds, the first preprint (arXiv 2411.14886) single figures;
the table for each label is not public.
"""

from __future__ import annotations

AUROC = {
    "nt_probnp_high_now": "> 0.90 (preprint 0.882)",
    "hemoglobin_high_now": "> 0.85",
    "albumin_high_now": "> 0.85",
    "hematocrit_high_now": "> 0.85",
    "urea_nitrogen_low_30min": "preprint 0.851",
    "creatinine_low_60min": "preprint 0.85",
    "hemoglobin_high_120min": "preprint 0.821",
}
MACRO = "0.762 (third-party leaderboard)"
STATEMENT = "The paper's figures are of real patients of MIMIC-IV"
