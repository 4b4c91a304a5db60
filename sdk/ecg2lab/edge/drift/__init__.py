"""Whether what comes and what is answered changes with time."""
