package ecg2lab;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.HashSet;
import java.util.Set;

/** Stops the calls that were given it, now and later. Any thread may ask, any number of calls may have it. */
public final class Cancel {
  private final Set<Pointer> running = new HashSet<>(); // one for each call, freed at its end: nobody has to close this
  private boolean cancelled;

  /** Asks every call that has it to stop. */
  public synchronized void cancel() {
    cancelled = true;
    running.forEach(Library.CALLS::ecg2lab_cancel_set);
  }

  /** Whether it was asked. */
  public synchronized boolean isCancelled() {
    return cancelled;
  }

  /** For a call that begins; {@code leave} follows. */
  synchronized Pointer enter() {
    PointerByReference made = new PointerByReference();
    Library.check(Library.CALLS.ecg2lab_cancel_new(made));
    if (cancelled) Library.CALLS.ecg2lab_cancel_set(made.getValue());
    running.add(made.getValue());
    return made.getValue();
  }

  synchronized void leave(Pointer call) {
    running.remove(call);
    Library.CALLS.ecg2lab_cancel_free(call);
  }
}
