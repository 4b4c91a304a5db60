"""Reports of a prediction: terminal table, page, PDF, FHIR, picture of the ECG."""
