package ecg2lab;

/** In which order the samples of the leads stand in one array. */
public enum Layout {
  /** All samples of the first lead, then all of the second … */
  LEAD_AFTER_LEAD,
  /** The first sample of every lead, then the second of every lead …, as most boards deliver them. */
  SAMPLE_AFTER_SAMPLE
}
