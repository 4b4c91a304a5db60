"""Simulated patients in the layout of MIMIC-IV, and the truth behind them.

    population ─► laboratory (values, times) ─► tables ─► hosp, ed, ecg, ecg_icd
         │   └──► vitals ─────────────────────────┘
         └──────► rhythm ─► beat ─► dipole ─► electrodes ─► cart ─► electrocardiogram ─► records
    population, laboratory, vitals ─► observer ─► truth.json, truth.parquet

`spread` is what people, electrodes and carts differ in besides. Every effect is planted by hand, with a size chosen to
be learnable and plausible, not fitted to patients. What a model learns here shows that the pipeline works; it says
nothing of people. `docs/simulation.md` is the account.
"""
