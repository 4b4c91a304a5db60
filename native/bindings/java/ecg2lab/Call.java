package ecg2lab;

import java.time.Duration;

/**
 * How long a call may take, and who may stop it. It may be given to many calls, each of which has the whole time. A call
 * that is stopped ends with a StoppedException.
 */
public final class Call {
  Duration timeout;
  Cancel cancel;

  /** Counted from when it is asked; null, the default: without end. */
  public Call timeout(Duration value) {
    timeout = value;
    return this;
  }

  /** null, the default: nobody. */
  public Call cancel(Cancel value) {
    cancel = value;
    return this;
  }
}
