package ecg2lab;

import com.sun.jna.Memory;
import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.ForkJoinPool;
import java.util.function.Function;

/**
 * A loaded bundle. Any number of threads may share it. Closing it while others use it is safe: what was begun is answered,
 * and every later call throws IllegalStateException.
 */
public final class Model implements AutoCloseable {
  private static final int PIECE = 1 << 16; // bytes

  private final Handle handle;
  /** What the model is. */
  public final Description description;

  private interface Loading {
    int load(Declarations.Options options, PointerByReference model);
  }

  private interface Asking {
    int ask(Pointer model, Declarations.Recording recording, Declarations.Patient patient, Declarations.Call call,
            PointerByReference result);
  }

  /** Checks every byte of the bundle. */
  public Model(String path) {
    this(path, new Options());
  }

  /** Likewise. */
  public Model(String path, Options options) {
    this(options, from(path));
  }

  private Model(Options options, Loading loading) {
    Callbacks callbacks = options.callbacks();
    Declarations.Options to = options.copy();
    callbacks.lend(to);
    PointerByReference model = new PointerByReference();
    Library.check(loading.load(to, model));
    handle = new Handle(model.getValue(), "model", Library.CALLS::ecg2lab_free, callbacks);
    description = new Description(new Declarations.Description(Library.CALLS.ecg2lab_describe(model.getValue())));
  }

  private static Loading from(String path) {
    if (path == null) throw new NullPointerException("path");
    Memory name = Texts.lend(path);
    return (options, model) -> Library.CALLS.ecg2lab_load(name, options, model);
  }

  /** The same of a bundle in memory, which is copied. */
  public static Model load(byte[] bundle) {
    return load(bundle, new Options(), null);
  }

  /** Likewise; {@code name} stands for the path in messages and answers, null: "memory". */
  public static Model load(byte[] bundle, Options options, String name) {
    Recording.Samples content = Recording.Samples.of(bundle);
    Memory called = Texts.lend(name);
    return new Model(options, (to, model) -> Library.CALLS.ecg2lab_load_memory(
        content.memory, new Size(content.bytes), called, to, model));
  }

  /** The same of all that a stream still holds, such as a resource of the program; it is not closed. */
  public static Model load(InputStream bundle, Options options, String name) throws IOException {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    byte[] piece = new byte[PIECE];
    for (int count = bundle.read(piece); count >= 0; count = bundle.read(piece)) content.write(piece, 0, count);
    return load(content.toByteArray(), options, name);
  }

  /** Answers for one recording. Without a patient, null, nothing is known of one. RefusedException: it does not answer. */
  public Result predict(Recording recording, Patient patient) {
    return predict(recording, patient, null);
  }

  /** Likewise. StoppedException: {@code call} stopped it before it had an answer. */
  public Result predict(Recording recording, Patient patient, Call call) {
    return now(Library.CALLS::ecg2lab_predict_within, recording, patient, call);
  }

  /** As {@link #predict}, in the common pool. */
  public CompletableFuture<Result> predictAsync(Recording recording, Patient patient) {
    return predictAsync(recording, patient, null, ForkJoinPool.commonPool());
  }

  /** As {@link #predict}, where the executor says. Once asked, it is answered even if the model is closed meanwhile. */
  public CompletableFuture<Result> predictAsync(Recording recording, Patient patient, Executor executor) {
    return predictAsync(recording, patient, null, executor);
  }

  /** Likewise, until {@code call} stops it; cancelling the future does not. */
  public CompletableFuture<Result> predictAsync(Recording recording, Patient patient, Call call, Executor executor) {
    return later(Library.CALLS::ecg2lab_predict_within, recording, patient, call, executor);
  }

  /**
   * As {@link #predict}, and says in {@code explanations} what the answers rest on. It takes as long as a hundred answers.
   */
  public Result explain(Recording recording, Patient patient) {
    return explain(recording, patient, new ExplainOptions(), null);
  }

  /** Likewise. */
  public Result explain(Recording recording, Patient patient, ExplainOptions options, Call call) {
    return now(explaining(options), recording, patient, call);
  }

  /** As {@link #explain}, where the executor says. */
  public CompletableFuture<Result> explainAsync(Recording recording, Patient patient, ExplainOptions options, Call call,
                                                Executor executor) {
    return later(explaining(options), recording, patient, call, executor);
  }

  private static Asking explaining(ExplainOptions options) {
    Declarations.ExplainOptions from = options.copy();
    return (model, recording, patient, call, result)
               -> Library.CALLS.ecg2lab_explain(model, recording, patient, from, call, result);
  }

  private Result now(Asking asking, Recording recording, Patient patient, Call call) {
    Limits limits = new Limits(call);
    Declarations.Recording from = recording.copy();
    Declarations.Patient about = copy(patient);
    return answer(asking, handle.enter(), from, about, limits);
  }

  private CompletableFuture<Result> later(Asking asking, Recording recording, Patient patient, Call call,
                                          Executor executor) {
    Limits limits = new Limits(call);
    Declarations.Recording from = recording.copy();
    Declarations.Patient about = copy(patient);
    Pointer model = handle.enter();
    try {
      return CompletableFuture.supplyAsync(() -> answer(asking, model, from, about, limits), executor);
    } catch (RuntimeException full) { // of the executor: nobody will leave
      handle.leave();
      throw full;
    }
  }

  private Result answer(Asking asking, Pointer model, Declarations.Recording recording, Declarations.Patient patient,
                        Limits limits) {
    try {
      return limits.run(call -> {
        PointerByReference result = new PointerByReference();
        int status = asking.ask(model, recording, patient, call, result);
        Result answer = Library.take(status, result.getValue());
        if (status != 0) throw new RefusedException(answer);
        return answer;
      });
    } finally {
      handle.leave();
    }
  }

  /**
   * Only the quality of a recording, as {@link #predict} judges it: for a program that shows how the electrodes are while it
   * records. One that would be refused is a result like the others, with its {@code status}.
   */
  public Result judge(Recording recording) {
    Declarations.Recording from = recording.copy();
    return ask(model -> {
      PointerByReference result = new PointerByReference();
      int status = Library.CALLS.ecg2lab_judge(model, from, result);
      return Library.take(status, result.getValue());
    });
  }

  /** Whether this device computes the model right, by the golden windows of the bundle. SelftestException: it does not. */
  public SelftestReport selftest() {
    return selftest(null);
  }

  /** Likewise, until {@code call} stops it. */
  public SelftestReport selftest(Call call) {
    Limits limits = new Limits(call);
    return ask(model -> limits.run(within -> {
      PointerByReference report = new PointerByReference();
      int status = Library.CALLS.ecg2lab_selftest(model, within, report);
      if (report.getValue() == null) Library.check(status);
      try {
        SelftestReport said = new SelftestReport(new Declarations.SelftestReport(report.getValue()));
        if (!said.passed) throw new SelftestException(said, Library.lastMessages());
        return said;
      } finally {
        Library.CALLS.ecg2lab_selftest_report_free(report.getValue());
      }
    }));
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
    Declarations.Recording from = format.copy();
    Declarations.Patient about = copy(patient);
    return ask(model -> {
      PointerByReference stream = new PointerByReference();
      Library.check(Library.CALLS.ecg2lab_stream_open(model, from, about, options, stream));
      Handle opened = new Handle(stream.getValue(), "stream", Library.CALLS::ecg2lab_stream_free, handle.callbacks());
      return new EcgStream(opened, format);
    });
  }

  /** Frees it as soon as no call uses it any more. */
  @Override
  public void close() {
    handle.close();
  }

  static Declarations.Patient copy(Patient patient) {
    return (patient == null ? new Patient() : patient).copy();
  }

  private <T> T ask(Function<Pointer, T> call) {
    Pointer model = handle.enter();
    try {
      return call.apply(model);
    } finally {
      handle.leave();
    }
  }
}
