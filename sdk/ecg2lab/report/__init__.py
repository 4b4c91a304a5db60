"""What people see of a prediction: terminal table, page, picture of the ECG."""
