"""The machine and the file system: CPU, installed packages, whole files, locks, strict JSON."""
