"""Simulated patients: one hidden physiology drives the laboratory values, the vital signs and the ECG.

    physiology ─► blood ─► laboratory (measured values, labels)
         │          └───┐
         ├─► vitals     ▼
         └─► rhythm ─► beat ─► dipole ─► electrocardiogram ◄─ noise

Every effect is planted by hand, with a size chosen to be learnable and plausible, not fitted to patients. What a
model learns here shows that the pipeline works; it says nothing of people.
"""
