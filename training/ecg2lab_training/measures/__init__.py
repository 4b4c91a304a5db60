"""What answers are worth, and the calibrations and thresholds that follow from them: arrays in, numbers out."""
