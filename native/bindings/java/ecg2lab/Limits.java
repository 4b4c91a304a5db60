package ecg2lab;

import com.sun.jna.Pointer;
import java.time.Duration;
import java.util.function.Function;

/** Those of one call, which begins now. */
final class Limits {
  private static final double PASSED = 1e-9; // seconds; for the library 0 is no limit
  private static final double NANOS = 1e9; // in a second

  private final long begin = System.nanoTime();
  private final Duration timeout;
  private final Cancel cancel;

  Limits(Call call) {
    timeout = call == null ? null : call.timeout;
    cancel = call == null ? null : call.cancel;
  }

  /** {@code ask} says what was wrong, too: the library's sentence is of this thread. */
  <T> T run(Function<Declarations.Call, T> ask) {
    Declarations.Call to = new Declarations.Call();
    Library.check(Library.CALLS.ecg2lab_call_init(to, new Size(to.size())));
    if (timeout != null) to.deadline_s = Math.max(left(), PASSED);
    if (cancel == null) return ask.apply(to);
    Pointer mine = cancel.enter();
    try {
      to.cancel = mine;
      return ask.apply(to);
    } finally {
      cancel.leave(mine);
    }
  }

  private double left() {
    return timeout.getSeconds() + timeout.getNano() / NANOS - (System.nanoTime() - begin) / NANOS;
  }
}
