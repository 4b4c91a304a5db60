package ecg2lab;

/** A call that failed. The message is the library's sentence: what is wrong, and what to do. */
public class Ecg2LabException extends RuntimeException {
  private static final long serialVersionUID = 1;
  /** Of which kind. */
  public final Status status;

  Ecg2LabException(Status status, String message) {
    super(message);
    this.status = status;
  }
}
