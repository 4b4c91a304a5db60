package ecg2lab;

import java.util.function.IntConsumer;

/** How a model is loaded. */
public final class Options {
  private String precision;
  private int threads = 1;
  private OutOfRange outOfRange = OutOfRange.REFUSE;
  private Log log;
  private IntConsumer threadBegin;
  private IntConsumer threadEnd;

  /** "fp32" …; null, the default: the bundle's own. */
  public Options precision(String value) {
    precision = value;
    return this;
  }

  /** Of one call, 1 to 256; 1 by default. */
  public Options threads(int value) {
    threads = value;
    return this;
  }

  /** What becomes of a number about the patient outside the model's range. */
  public Options outOfRange(OutOfRange value) {
    outOfRange = value;
    return this;
  }

  /** null, the default: none. */
  public Options log(Log value) {
    log = value;
    return this;
  }

  /**
   * Called in each helper thread, with its number from 1, as its first act; null, the default: nothing is. It must not call
   * the library. What it throws is dropped.
   */
  public Options threadBegin(IntConsumer value) {
    threadBegin = value;
    return this;
  }

  /** Likewise as its last act, when the model and its streams are freed. */
  public Options threadEnd(IntConsumer value) {
    threadEnd = value;
    return this;
  }

  Callbacks callbacks() {
    return new Callbacks(log, threadBegin, threadEnd);
  }

  Declarations.Options copy() {
    Declarations.Options to = new Declarations.Options();
    Library.check(Library.CALLS.ecg2lab_options_init(to, new Size(to.size())));
    to.precision = Texts.lend(precision);
    to.threads = new Size(Math.max(threads, 0));
    to.out_of_range = outOfRange.code;
    return to;
  }
}
