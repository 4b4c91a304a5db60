"""The training river: simulated patients or a hospital's tables → data set → fusion network → RUN folder → report.

    cli                                        the verbs
    simulation   cohort   fit   evaluation     one verb each
    data   network   measures                  what these share
    files   progress

A room imports what stands below it, and nothing beside it.
"""
