// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

public final class SelftestReport {
  /** What ecg2lab_selftest returned. */
  public final Status status;
  /** {@code status} in the library's words, a newer one's too. */
  public final String statusWord;
  /** True: yes. */
  public final boolean passed;
  /** Empty if it passed. */
  public final String message;
  /** Golden windows. */
  public final long windowCount;
  public final String precision;
  public final String instructionSet;
  public final long threads;
  public final List<Check> checks;
  /** {@code message} by code and parameters. */
  public final List<Message> messages;

  SelftestReport(Declarations.SelftestReport from) {
    status = Status.of(from.status);
    statusWord = Texts.read(Library.CALLS.ecg2lab_status_name(from.status));
    passed = from.passed == 1;
    message = Texts.read(from.message);
    windowCount = from.window_count.longValue();
    precision = Texts.read(from.precision);
    instructionSet = Texts.read(from.instruction_set);
    threads = from.threads.longValue();
    checks = Lists.ofPointers(from.checks, from.check_count, at -> new Check(new Declarations.Check(at)));
    messages = Lists.ofPointers(from.messages, from.message_count, at -> new Message(new Declarations.Message(at)));
  }
}
