package ecg2lab;

import java.util.List;

/** A call that its {@link Call} stopped: its status is ERROR_DEADLINE or ERROR_CANCELLED. Nothing is lost. */
public final class StoppedException extends Ecg2LabException {
  private static final long serialVersionUID = 1;

  StoppedException(Status status, String message, List<Message> messages) {
    super(status, message, messages);
  }
}
