"""The training river: simulated patients → data set → S4 fusion model → RUN folder."""
