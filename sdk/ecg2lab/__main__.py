"""`python -m ecg2lab`."""

from ecg2lab.cli import main

main()
