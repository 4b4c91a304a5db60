"""The data set between the cohort and the network, and what its laboratory values are called."""
