"""The training river: simulated patients → data set → fusion model → RUN folder."""
