"""From the tables and ECGs of a hospital, in the layout of MIMIC-IV, to a training data set.

One module is one part of the method's cohort (Lopez Alcaraz & Strodthoff, Scientific Reports 2025):

    tables          where the tables are, and which columns are read
    reading         csv, csv.gz and parquet in batches; every refusal names file and row
    recordings      which ECGs, of which patients
    demographics    sex, race, age
    laboratory      which laboratory values, in which unit and fluid
    thresholds      reference limits of a laboratory test
    near            events around an ECG, without a cross product
    labels          normal, low or high: now, and within 30, 60, 120 minutes
    last_values     what the laboratory last said before the ECG
    vitals, body    vital signs of the emergency department; height, weight, BMI
    folds           twenty parts, by patient
    targets         which labels stay
    waveforms       WFDB records into one array, by all cores; goes on where it was stopped
    array_file      that array on disk
    truth           what is known of simulated patients
    gather          the steps on tables, in order
    ledger          what each step left, and what it dropped
    build           all of it
"""
