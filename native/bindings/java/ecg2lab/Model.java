package ecg2lab;

import com.sun.jna.CallbackReference;
import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;

/**
 * A loaded bundle. Any number of threads may share it. Closing it while others use it is safe: what was begun is answered,
 * and every later call throws IllegalStateException.
 */
public final class Model implements AutoCloseable {
  private final Handle handle;
  private final Declarations.LogCallback log; // kept from the garbage collector for as long as the library may call it
  /** What the model is. */
  public final Description description;

  /** Checks every byte of the bundle. */
  public Model(String path) {
    this(path, new Options());
  }

  /** Likewise. */
  public Model(String path, Options options) {
    if (path == null) throw new NullPointerException("path");
    log = callback(options.log);
    Declarations.Options to = options.copy();
    if (log != null) to.log = CallbackReference.getFunctionPointer(log);
    Memory name = Texts.lend(path);
    PointerByReference model = new PointerByReference();
    Library.check(Library.CALLS.ecg2lab_load(name, to, model));
    handle = new Handle(model.getValue(), "model", Library.CALLS::ecg2lab_free);
    description = new Description(new Declarations.Description(Library.CALLS.ecg2lab_describe(model.getValue())));
  }

  /** Answers for one recording. Without a patient, null, nothing is known of one. RefusedException: it does not answer. */
  public Result predict(Recording recording, Patient patient) {
    Declarations.Recording from = recording.copy();
    Declarations.Patient about = copy(patient);
    return answer(handle.enter(), from, about);
  }

  /** As {@link #predict}, in the common pool. */
  public CompletableFuture<Result> predictAsync(Recording recording, Patient patient) {
    return predictAsync(recording, patient, ForkJoinPool.commonPool());
  }

  /** As {@link #predict}, where the executor says. Once asked, it is answered even if the model is closed meanwhile. */
  public CompletableFuture<Result> predictAsync(Recording recording, Patient patient, Executor executor) {
    Declarations.Recording from = recording.copy();
    Declarations.Patient about = copy(patient);
    Pointer model = handle.enter();
    try {
      return CompletableFuture.supplyAsync(() -> answer(model, from, about), executor);
    } catch (RuntimeException full) { // of the executor: nobody will leave
      handle.leave();
      throw full;
    }
  }

  private Result answer(Pointer model, Declarations.Recording recording, Declarations.Patient patient) {
    try {
      PointerByReference result = new PointerByReference();
      int status = Library.CALLS.ecg2lab_predict(model, recording, patient, result);
      Result answer = Library.take(status, result.getValue());
      if (status != 0) throw new RefusedException(answer);
      return answer;
    } finally {
      handle.leave();
    }
  }

  /** A stream of one patient, answered every second. The format is a recording without samples. */
  public EcgStream open(Recording format, Patient patient) {
    return open(format, patient, 1, 0, 0);
  }

  /**
   * Likewise, answered every {@code hop} seconds. A lead without values for {@code longestGap} seconds is off; 0: for a
   * window. Signal of {@code longestBacklog} seconds may wait for answers to be taken; 0: the library's.
   */
  public EcgStream open(Recording format, Patient patient, double hop, double longestGap, double longestBacklog) {
    Declarations.StreamOptions options = new Declarations.StreamOptions();
    Library.check(Library.CALLS.ecg2lab_stream_options_init(options, new Size(options.size())));
    options.hop_s = hop;
    options.longest_gap_s = longestGap;
    options.longest_backlog_s = longestBacklog;
    PointerByReference stream = new PointerByReference();
    Declarations.Recording from = format.copy();
    Declarations.Patient about = copy(patient);
    Pointer model = handle.enter();
    try {
      Library.check(Library.CALLS.ecg2lab_stream_open(model, from, about, options, stream));
    } finally {
      handle.leave();
    }
    return new EcgStream(new Handle(stream.getValue(), "stream", Library.CALLS::ecg2lab_stream_free), format, log);
  }

  /** Frees it as soon as no call uses it any more. */
  @Override
  public void close() {
    handle.close();
  }

  static Declarations.Patient copy(Patient patient) {
    return (patient == null ? new Patient() : patient).copy();
  }

  // No exception may reach the library's own frames.
  private static Declarations.LogCallback callback(Log log) {
    if (log == null) return null;
    return (user, level, message) -> {
      try {
        log.say(LogLevel.of(level), Texts.read(message));
      } catch (Throwable dropped) {
        return;
      }
    };
  }
}
