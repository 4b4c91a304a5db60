package ecg2lab;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.util.List;

/** The library itself: that of the jar, or another where {@code -Djna.library.path} says. */
public final class Library {
  static final Declarations.Calls CALLS = Native.load("ecg2lab", Declarations.Calls.class);

  // Structs only grow: an older library would leave the end of ours unwritten.
  static {
    int there = CALLS.ecg2lab_abi_version();
    if (there < Declarations.ABI_VERSION) {
      throw new UnsatisfiedLinkError("the ecg2lab library is older than ecg2lab.jar (its ABI version is " + there + ", not "
          + Declarations.ABI_VERSION + "): use the one that the jar brings");
    }
  }

  private Library() {}

  /** Such as "0.1.0". */
  public static String version() {
    return Texts.read(CALLS.ecg2lab_version());
  }

  /** Such as "ECG2LAB_ERROR_QUALITY". */
  public static String nameOf(Status status) {
    return Texts.read(CALLS.ecg2lab_status_name(status.code));
  }

  /** Every code that this library can answer with, and what stands in for one that a program does not know. */
  public static List<Code> codes(Enumeration enumeration) {
    SizeByReference count = new SizeByReference();
    Pointer codes = CALLS.ecg2lab_codes(enumeration.code, count);
    return Lists.ofPointers(codes, count.value(), at -> new Code(new Declarations.Code(at)));
  }

  /** Every message that there is, with empty parameters: what a program has to translate. */
  public static List<Message> messages() {
    SizeByReference count = new SizeByReference();
    Pointer messages = CALLS.ecg2lab_messages(count);
    return Lists.ofPointers(messages, count.value(), at -> new Message(new Declarations.Message(at)));
  }

  static List<Message> lastMessages() {
    SizeByReference count = new SizeByReference();
    Pointer messages = CALLS.ecg2lab_last_messages(count);
    return Lists.ofPointers(messages, count.value(), at -> new Message(new Declarations.Message(at)));
  }

  static void check(int status) {
    if (status == 0) return;
    Status kind = Status.of(status);
    String message = Texts.read(CALLS.ecg2lab_last_error());
    boolean stopped = kind == Status.ERROR_DEADLINE || kind == Status.ERROR_CANCELLED;
    throw stopped ? new StoppedException(kind, message, lastMessages())
                  : new Ecg2LabException(kind, message, lastMessages());
  }

  /** The result of a call that returned this status, copied and freed; null where the call gave none. */
  static Result take(int status, Pointer result) {
    if (result == null) {
      check(status);
      return null;
    }
    try {
      return new Result(new Declarations.Result(result));
    } finally {
      CALLS.ecg2lab_result_free(result);
    }
  }
}
