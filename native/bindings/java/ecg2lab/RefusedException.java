package ecg2lab;

/** The library understood the question and does not answer it. */
public final class RefusedException extends Ecg2LabException {
  private static final long serialVersionUID = 1;
  /** Why, with a verdict for each lead and the faults of the recording; it has no findings. */
  public final transient Result result;

  RefusedException(Result result) {
    super(result.status, result.message, result.messages);
    this.result = result;
  }
}
