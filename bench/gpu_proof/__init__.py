"""`make gpu`: what a machine with a GPU proves of ecg2lab, in eight minutes, without a network; one file of results."""
