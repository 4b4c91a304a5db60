package ecg2lab;

import com.sun.jna.Pointer;
import com.sun.jna.ptr.PointerByReference;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.ToIntFunction;

/**
 * A signal that is still coming in, answered every hop from its latest window. Calls of several threads take turns. It
 * outlives its model.
 */
public final class EcgStream implements AutoCloseable {
  private final Handle handle;
  private final Recording format;

  EcgStream(Handle handle, Recording format) {
    this.handle = handle;
    this.format = format;
  }

  /** Samples of every lead that follow those before, in the layout of the format. Cheap: nothing is answered yet. */
  public void push(double[] samples) {
    push(Recording.Samples.of(samples), SampleType.DOUBLE);
  }

  /** As above. */
  public void push(float[] samples) {
    push(Recording.Samples.of(samples), SampleType.FLOAT);
  }

  /** As above. */
  public void push(short[] samples) {
    push(Recording.Samples.of(samples), SampleType.INT16);
  }

  /** As above. */
  public void push(int[] samples) {
    push(Recording.Samples.of(samples), SampleType.INT32);
  }

  private void push(Recording.Samples samples, SampleType type) {
    if (type != format.type) {
      throw new IllegalArgumentException("the stream was opened for samples of another type than " + type);
    }
    Size count = new Size(format.samplesOfEach(samples));
    check(stream -> Library.CALLS.ecg2lab_stream_push(stream, samples.memory, count));
  }

  /**
   * The next window's answer, in the order of time; null: none is due. A window that is refused has a status other than OK
   * and a message, and the stream goes on.
   */
  public Result next() {
    return next(null);
  }

  /** As {@link #next()}. Of a call that is stopped the window stays due. */
  public Result next(Call call) {
    Limits limits = new Limits(call);
    return ask(stream -> limits.run(within -> {
      PointerByReference result = new PointerByReference();
      int status = Library.CALLS.ecg2lab_stream_next_within(stream, within, result);
      return Library.take(status, result.getValue());
    }));
  }

  /** All that are due. */
  public List<Result> due() {
    List<Result> all = new ArrayList<>();
    for (Result result = next(); result != null; result = next()) all.add(result);
    return all;
  }

  /** New facts for the windows that come. If they are refused, the former stay. */
  public void set(Patient patient) {
    Declarations.Patient about = Model.copy(patient);
    check(stream -> Library.CALLS.ecg2lab_stream_patient(stream, about));
  }

  /** The signal ends here: the windows that wait for what follows become due. */
  public void finish() {
    check(Library.CALLS::ecg2lab_stream_finish);
  }

  /** As it was opened: another recording of the same patient begins. */
  public void reset() {
    check(Library.CALLS::ecg2lab_stream_reset);
  }

  /** How it stands, to go on later or in another process. It holds signal and no facts about the patient. */
  public byte[] save() {
    return ask(stream -> {
      PointerByReference state = new PointerByReference();
      Library.check(Library.CALLS.ecg2lab_stream_save(stream, state));
      try {
        Declarations.Bytes from = new Declarations.Bytes(state.getValue());
        return from.data.getByteArray(0, from.size.intValue());
      } finally {
        Library.CALLS.ecg2lab_bytes_free(state.getValue());
      }
    });
  }

  /** Goes on as the stream did that was saved; this one must have been opened likewise. */
  public void restore(byte[] state) {
    Recording.Samples bytes = Recording.Samples.of(state);
    check(stream -> Library.CALLS.ecg2lab_stream_restore(stream, bytes.memory, new Size(bytes.bytes)));
  }

  /** How it stands. */
  public StreamState state() {
    return ask(stream -> {
      Pointer state = Library.CALLS.ecg2lab_stream_describe(stream);
      if (state == null) throw new OutOfMemoryError("the state of a stream");
      return new StreamState(new Declarations.StreamState(state));
    });
  }

  /** Frees it as soon as no call uses it any more. */
  @Override
  public void close() {
    handle.close();
  }

  private void check(ToIntFunction<Pointer> call) {
    ask(stream -> {
      Library.check(call.applyAsInt(stream));
      return null;
    });
  }

  private synchronized <T> T ask(Function<Pointer, T> call) {
    Pointer stream = handle.enter();
    try {
      return call.apply(stream);
    } finally {
      handle.leave();
    }
  }
}
