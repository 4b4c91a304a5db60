package ecg2lab;

import java.util.List;

/** A call that failed. The message is the library's sentence: what is wrong, and what to do. */
public class Ecg2LabException extends RuntimeException {
  private static final long serialVersionUID = 1;
  /** Of which kind. */
  public final Status status;

  /** The same by codes and parameters, one for each thing that is wrong, to be said in another language. */
  public final transient List<Message> messages;

  Ecg2LabException(Status status, String message, List<Message> messages) {
    super(message);
    this.status = status;
    this.messages = messages;
  }
}
